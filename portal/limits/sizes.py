"""How long an address may be and how many fields a form may have; bodies have their bounds in portal/bodies.py."""

from __future__ import annotations

from flask import Flask, abort, request

from portal.sessions import is_api

LONGEST_QUERY = 8000  # bytes of the address after its question mark
MOST_FIELDS = 1000


def init_app(app: Flask) -> None:
    """Tie the bounds to the app: after the limits of rate, because a form is read to be counted."""
    app.config["MAX_FORM_PARTS"] = MOST_FIELDS

    @app.before_request
    def refuse() -> None:
        asked = request._get_current_object()
        if len(asked.query_string) > LONGEST_QUERY:
            abort(414)
        if asked.method == "POST" and not is_api(asked.path) and len(asked.form) > MOST_FIELDS:
            abort(413)

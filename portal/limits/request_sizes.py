"""Limits on the length of an address and the number of form fields; portal/web/json_body.py limits bodies."""

from __future__ import annotations

from flask import Flask, abort, request

from portal.web.sessions import is_api

MAX_QUERY_LENGTH = 8000  # bytes of the address after its question mark
MAX_FORM_FIELDS = 1000


def init_app(app: Flask) -> None:
    """Tie the bounds to the app: after the limits of rate, because a form is read to be counted."""
    app.config["MAX_FORM_PARTS"] = MAX_FORM_FIELDS

    @app.before_request
    def refuse() -> None:
        asked = request._get_current_object()
        if len(asked.query_string) > MAX_QUERY_LENGTH:
            abort(414)
        if asked.method == "POST" and not is_api(asked.path) and len(asked.form) > MAX_FORM_FIELDS:
            abort(413)

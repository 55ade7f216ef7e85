"""Limit the length of a query string and the number of form fields; portal/web/json_body.py limits bodies."""

from __future__ import annotations

from flask import Flask, abort, request

from portal.web.sessions import is_api

MAX_QUERY_LENGTH = 8000  # bytes
MAX_FORM_FIELDS = 1000


def init_app(app: Flask) -> None:
    """Register the limits. Call this after the rate limits: counting the fields reads the form."""
    app.config["MAX_FORM_PARTS"] = MAX_FORM_FIELDS

    @app.before_request
    def refuse_large_request() -> None:
        current = request._get_current_object()
        if len(current.query_string) > MAX_QUERY_LENGTH:
            abort(414)
        if current.method == "POST" and not is_api(current.path) and len(current.form) > MAX_FORM_FIELDS:
            abort(413)

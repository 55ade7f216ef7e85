"""What every request gets: an id, one line in the log, and the headers that keep a browser safe."""

from __future__ import annotations

import logging
import re
import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, g, request

from portal.sessions import is_api

SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

# No inline script, no inline style, no eval, nothing from elsewhere. Pico draws its arrows as data: images.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Content-Security-Policy": POLICY,
}
# JSON is no page: nothing in it is to be run, framed, or taken for something else.
JSON_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}

TAKES_FILES = "takes_files"
AROUND_A_FILE = 500_000  # bytes: the other fields of its form

log = logging.getLogger("portal.requests")


def init_app(app: Flask) -> None:
    """Tie the request's id, its log line and the headers to the app."""

    @app.before_request
    def begin() -> None:
        if getattr(app.view_functions.get(request.endpoint or ""), TAKES_FILES, False):
            request.max_content_length = app.config["UPLOAD_BYTES"] + AROUND_A_FILE
        g.began = time.perf_counter()
        g.request_id = request_id(request.headers.get("X-Request-Id", ""))

    @app.after_request
    def end(response: Response) -> Response:
        response.headers["X-Request-Id"] = g.request_id
        if "Content-Security-Policy" not in response.headers:  # who brings a policy brings all of these
            response.headers.extend(JSON_HEADERS if is_api(request.path) else HEADERS)
        # The rule, never the address: a search may hold a phone number, and a log must not.
        rule = request.url_rule.rule if request.url_rule else "-"
        ms = (time.perf_counter() - g.began) * 1000
        log.info("id=%s %s %s %s %.1fms", g.request_id, request.method, rule, response.status_code, ms)
        return response


View = TypeVar("View", bound=Callable[..., Any])


def takes_files(view: View) -> View:
    """A view that a file may be sent to: the body may be as large as UPLOAD_BYTES, already where CSRF is looked at."""
    setattr(view, TAKES_FILES, True)
    return view


def request_id(sent: str) -> str:
    """The caller's own id, where it is a sane one; else a new one."""
    return sent if SANE_ID.fullmatch(sent) else secrets.token_hex(8)

"""Hooks of every request: its id, its log line and metrics; portal/web/security_headers.py has the headers."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Response, g, request
from werkzeug.exceptions import SecurityError
from werkzeug.middleware.proxy_fix import ProxyFix
from werkzeug.wsgi import get_host

from portal.telemetry import metrics
from portal.telemetry.logs import request_log
from portal.web import security_headers
from portal.web.parameters import InvalidParameter
from portal.web.sessions import is_api, is_monitoring_path

VALID_REQUEST_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

ACCEPTS_FILES = "accepts_files"
MULTIPART_OVERHEAD = 500_000  # bytes for the other fields of an upload form


def init_app(app: Flask) -> None:
    """Register the hooks."""
    hsts = security_headers.strict_transport(app.config["STRICT_TRANSPORT_SECONDS"])
    if proxies := app.config["PROXIES"]:  # without proxies, X-Forwarded-* headers are ignored
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]

    app.wsgi_app = metrics.count_in_flight(app.wsgi_app)  # type: ignore[method-assign]
    known_hosts = app.config["KNOWN_HOSTS"]

    # These run for every request, so they resolve Flask's context proxies only once.

    @app.before_request
    def start_request() -> None:
        current, state = request._get_current_object(), g._get_current_object()
        state.started_at = time.perf_counter()
        state.request_id = choose_request_id(current.headers.get("X-Request-Id", ""))
        if getattr(app.view_functions.get(current.endpoint or ""), ACCEPTS_FILES, False):
            current.max_content_length = app.config["UPLOAD_BYTES"] + MULTIPART_OVERHEAD
        if known_hosts and not is_monitoring_path(current.path):
            check_host(known_hosts)

    @app.after_request
    def finish_request(response: Response) -> Response:
        current, state = request._get_current_object(), g._get_current_object()
        headers = response.headers
        api = is_api(current.path)
        headers.add("X-Request-Id", state.request_id)
        # The default of every response, errors and redirects too; views with an ETag and static files have their own.
        headers.setdefault("Cache-Control", "no-store")
        if "Content-Security-Policy" not in headers:  # a view with its own policy sets all of these
            headers.extend(security_headers.JSON if api else security_headers.PAGE)
        if hsts and current.is_secure:
            headers["Strict-Transport-Security"] = hsts
        if api and (rate := state.get("rate")):
            headers.add("RateLimit-Policy", rate[0])
            headers.add("RateLimit", rate[1])
        # Log the rule, never the URL: a search may contain a phone number.
        rule = current.url_rule.rule if current.url_rule else "-"
        method, status = current.method, response.status_code
        seconds = time.perf_counter() - state.started_at
        count, observe = metrics.request_metrics(method, rule, status)
        count()
        observe(seconds)
        log = request_log.debug if status < 300 and is_monitoring_path(current.path) else request_log.info
        fields = {"id": state.request_id} | request_user(state) | {"method": method, "route": rule, "status": status}
        log("request", extra={"fields": fields | {"ms": round(seconds * 1000, 1)}})
        return response


def check_host(names: tuple[str, ...]) -> None:
    """Check the Host header, which becomes part of links. Raises InvalidParameter."""
    try:
        get_host(request.environ, names)
    except SecurityError:
        raise InvalidParameter({"Host": "Host must be a host name of the portal"}) from None


def request_user(state: Any) -> dict[str, str]:
    """Return the ids of user and token for the log, from the `g` of a request."""
    if caller := state.get("caller"):
        return {"user": caller[0], "token": caller[1]}
    user = getattr(state.get("_login_user"), "id", None)  # current_user could query the database
    return {"user": user} if user else {}


def client_address() -> str:
    """Return the client's IP address for the audit log."""
    return (request.remote_addr or "")[:45]


View = TypeVar("View", bound=Callable[..., Any])


def accept_files(view: View) -> View:
    """Mark a view that accepts files, so that UPLOAD_BYTES is the limit before the CSRF check reads the form."""
    setattr(view, ACCEPTS_FILES, True)
    return view


def choose_request_id(sent: str) -> str:
    """Return the client's request id if it is valid, else a new one."""
    return sent if VALID_REQUEST_ID.fullmatch(sent) else secrets.token_hex(8)

"""What every request gets: an id, one line in the log, and the headers that keep a browser safe."""

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
from portal.telemetry.logs import REQUEST_LOG
from portal.web.parameters import InvalidParameter
from portal.web.sessions import is_api, is_monitoring_path

SANE_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")

# No inline script, no inline style, no eval, nothing from elsewhere. Arrows and check marks are data: images.
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

FILE_ENDPOINTS = "takes_files"
MULTIPART_OVERHEAD = 500_000  # bytes: the other fields of its form


def init_app(app: Flask) -> None:
    """Tie the request's id, its log line, its figures and the headers to the app."""
    strict = app.config["STRICT_TRANSPORT_SECONDS"]
    if proxies := app.config["PROXIES"]:  # without, nobody's word is taken for where a request comes from
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]

    app.wsgi_app = metrics.count_in_flight(app.wsgi_app)  # type: ignore[method-assign]
    known_hosts = app.config["KNOWN_HOSTS"]

    # Each of these is a part of every request: what Flask's proxies cost is paid once.

    @app.before_request
    def begin() -> None:
        asked, here = request._get_current_object(), g._get_current_object()
        here.began = time.perf_counter()
        here.request_id = choose_request_id(asked.headers.get("X-Request-Id", ""))
        if getattr(app.view_functions.get(asked.endpoint or ""), FILE_ENDPOINTS, False):
            asked.max_content_length = app.config["UPLOAD_BYTES"] + MULTIPART_OVERHEAD
        if known_hosts and not is_monitoring_path(asked.path):
            check_host(known_hosts)

    @app.after_request
    def end(response: Response) -> Response:
        asked, here = request._get_current_object(), g._get_current_object()
        headers = response.headers
        api = is_api(asked.path)
        headers.add("X-Request-Id", here.request_id)
        if "Content-Security-Policy" not in headers:  # who brings a policy brings all of these
            headers.extend(JSON_HEADERS if api else HEADERS)
        if strict:
            headers["Strict-Transport-Security"] = f"max-age={strict}"
        if api and (rate := here.get("rate")):
            headers.add("RateLimit-Policy", rate[0])
            headers.add("RateLimit", rate[1])
        # The rule, never the address: a search may hold a phone number, and a log must not.
        rule = asked.url_rule.rule if asked.url_rule else "-"
        method, status = asked.method, response.status_code
        seconds = time.perf_counter() - here.began
        count, observe = metrics.request_metrics(method, rule, status)
        count()
        observe(seconds)
        log = app.extensions[REQUEST_LOG]
        say = log.debug if status < 300 and is_monitoring_path(asked.path) else log.info
        ms = round(seconds * 1000, 1)
        say("request", id=here.request_id, **request_user(here), method=method, route=rule, status=status, ms=ms)
        return response


def check_host(names: tuple[str, ...]) -> None:
    """Ends the request where it names another host: its name would stand in links of ours."""
    try:
        get_host(request.environ, names)
    except SecurityError:
        raise InvalidParameter({"Host": "Host is not a name of this portal"}) from None


def request_user(here: Any) -> dict[str, str]:
    """The ids of the user and of the token, where they are known of the request whose `g` this is."""
    if caller := here.get("caller"):
        return {"user": caller[0], "token": caller[1]}
    user = getattr(here.get("_login_user"), "id", None)  # as Flask-Login keeps it: asking it would ask the database
    return {"user": user} if user else {}


def client_address() -> str:
    """From where the request comes, as the trail keeps it."""
    return (request.remote_addr or "")[:45]


View = TypeVar("View", bound=Callable[..., Any])


def accept_files(view: View) -> View:
    """A view that a file may be sent to: the body may be as large as UPLOAD_BYTES, already where CSRF is looked at."""
    setattr(view, FILE_ENDPOINTS, True)
    return view


def choose_request_id(sent: str) -> str:
    """The caller's own id, where it is a sane one; else a new one."""
    return sent if SANE_ID.fullmatch(sent) else secrets.token_hex(8)

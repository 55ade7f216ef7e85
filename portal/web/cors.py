"""Cross-origin resource sharing: which web apps may call the API from a browser (the Fetch standard, section 3.2).

A call is authenticated by its token, never by a cookie, so no response allows credentials.
"""

from __future__ import annotations

from flask import Flask, Response, request

from portal.web.sessions import is_api

ANY_ORIGIN = "*"
METHODS = "GET, HEAD, POST, PATCH, DELETE"
REQUEST_HEADERS = "Authorization, Content-Type, Idempotency-Key, If-None-Match, X-Api-Key, X-Request-Id"
RESPONSE_HEADERS = (
    "ETag, Idempotency-Replayed, Link, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Request-Id"
)
MAX_AGE_SECONDS = "7200"  # Chromium remembers a preflight no longer


def init_app(app: Flask) -> None:
    """Add the headers to all responses of the API, errors too, if CORS_ORIGINS is set."""
    answer_options_without_body(app)
    origins: tuple[str, ...] = app.config["CORS_ORIGINS"]
    if not origins:
        return
    allows_any = ANY_ORIGIN in origins

    @app.after_request
    def allow_origin(response: Response) -> Response:
        if not is_api(request.path):
            return response
        if not allows_any:
            response.vary.add("Origin")
        origin = request.headers.get("Origin", "")
        if origin and (allows_any or origin in origins):
            response.headers["Access-Control-Allow-Origin"] = ANY_ORIGIN if allows_any else origin
            response.headers.update(preflight_headers() if is_preflight() else expose_headers())
        return response


def answer_options_without_body(app: Flask) -> None:
    """Answer OPTIONS under /api/ with 204 and Allow; Flask's own answer is an empty HTML page."""
    default_response = app.make_default_options_response

    def options_response() -> Response:
        response = default_response()
        if is_api(request.path):
            response.status_code = 204
            response.headers.remove("Content-Type")
        return response

    app.make_default_options_response = options_response  # type: ignore[method-assign]


def is_preflight() -> bool:
    """Return whether a browser asks if it may send a request."""
    return request.method == "OPTIONS" and "Access-Control-Request-Method" in request.headers


def preflight_headers() -> dict[str, str]:
    """Return what a web app may send."""
    return {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": REQUEST_HEADERS,
        "Access-Control-Max-Age": MAX_AGE_SECONDS,
    }


def expose_headers() -> dict[str, str]:
    """Return what a web app may read besides the body."""
    return {"Access-Control-Expose-Headers": RESPONSE_HEADERS}

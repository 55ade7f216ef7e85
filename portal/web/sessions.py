"""Session cookies of pages. The API ignores cookies."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request, current_app, request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer


def is_api(path: str) -> bool:
    """Return whether a path belongs to the API, including unknown routes and those with more slashes."""
    return path == "/api" or path.startswith("/api/") or (path.startswith("//") and is_api(path[1:]))


MONITORING_PATHS = frozenset(("/healthz", "/readyz", "/metrics"))


def is_monitoring_path(path: str) -> bool:
    """Return whether a path is for monitoring (portal/server/health.py)."""
    return path in MONITORING_PATHS


def uses_secure_cookies() -> bool:
    """Return whether cookies of this response are for HTTPS only: as configured, or as the request came (auto)."""
    configured: bool | None = current_app.config["SESSION_COOKIE_SECURE"]
    return request.is_secure if configured is None else configured


def host_cookie_name(name: str) -> str:
    """Return the name of a cookie that only this host can set.

    Browsers accept the prefix only with Secure, the path / and no domain. A cookie that came over HTTP does not count
    over HTTPS, nor the other way round.
    """
    return f"__Host-{name}" if uses_secure_cookies() else name


class ClockTolerantSigner(TimestampSigner):
    """A signer that accepts timestamps in the future, from a machine whose clock is ahead or was set back.

    This does not extend a session: the database stores when it ends.
    """

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        """Return the signed value, checking only its maximum age. Raises BadSignature."""
        try:
            return super().unsign(signed_value, max_age, return_timestamp)
        except SignatureExpired as error:
            if error.date_signed is None or error.date_signed.timestamp() <= self.get_timestamp():
                raise
        return super().unsign(signed_value, None, return_timestamp)


class PageSessionInterface(SecureCookieSessionInterface):
    """Flask's signed session cookies, for pages only, so that API responses never vary by cookie."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Return Flask's serializer with a signer that tolerates clock differences."""
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = ClockTolerantSigner
        return serializer

    def get_cookie_name(self, app: Flask) -> str:
        """Return the name of the session cookie."""
        return host_cookie_name("session")

    def get_cookie_secure(self, app: Flask) -> bool:
        """Return whether the session cookie is for HTTPS only."""
        return uses_secure_cookies()

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """Return the session of a page; an empty one for the API, for monitoring, and without a cookie."""
        if is_api(request.path) or is_monitoring_path(request.path) or not request.cookies:
            return self.session_class()
        return super().open_session(app, request)

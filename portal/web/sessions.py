"""Session cookies of pages. The API ignores cookies."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer


def is_api(path: str) -> bool:
    """Return whether a path belongs to the API, including unknown routes and those with more slashes."""
    return path == "/api" or path.startswith("/api/") or (path.startswith("//") and is_api(path[1:]))


MONITORING_PATHS = frozenset(("/healthz", "/readyz", "/metrics"))


def is_monitoring_path(path: str) -> bool:
    """Return whether a path is for monitoring (portal/server/health.py)."""
    return path in MONITORING_PATHS


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

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """Return the session of a page; an empty one for the API, for monitoring, and without a cookie."""
        if is_api(request.path) or is_monitoring_path(request.path) or not request.cookies:
            return self.session_class()
        return super().open_session(app, request)

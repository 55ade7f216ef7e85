"""Sessions are for pages: under /api/ there is none, whatever cookie is sent."""

from __future__ import annotations

from typing import Any

from flask import Flask, Request
from flask.sessions import SecureCookieSessionInterface, SessionMixin
from itsdangerous import SignatureExpired, TimestampSigner, URLSafeTimedSerializer


def is_api(path: str) -> bool:
    """Whether a path is the API's, unknown routes included."""
    return path == "/api" or path.startswith("/api/")


MONITORING_PATHS = frozenset(("/healthz", "/readyz", "/metrics"))


def is_monitoring_path(path: str) -> bool:
    """Whether a path is for programs that watch over the portal (portal/server/health.py)."""
    return path in MONITORING_PATHS


class ClockTolerantSigner(TimestampSigner):
    """Takes what was signed later than now: by a machine whose clock is ahead, or before the clock was set back.

    When a session ends is the database's to say, so this lets nobody stay longer.
    """

    def unsign(self, signed_value: str | bytes, max_age: int | None = None, return_timestamp: bool = False) -> Any:
        """The value, of which only the age is bounded. Raises BadSignature."""
        try:
            return super().unsign(signed_value, max_age, return_timestamp)
        except SignatureExpired as error:
            if error.date_signed is None or error.date_signed.timestamp() <= self.get_timestamp():
                raise
        return super().unsign(signed_value, None, return_timestamp)


class PageSessionInterface(SecureCookieSessionInterface):
    """Flask's signed cookies. The API's answers neither read nor set one, and so never vary by it."""

    def get_signing_serializer(self, app: Flask) -> URLSafeTimedSerializer | None:
        """Flask's own, whatever the clock says."""
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.signer = ClockTolerantSigner
        return serializer

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """The session of a page; an empty one for the API, for watchers, and where no cookie was sent."""
        if is_api(request.path) or is_monitoring_path(request.path) or not request.cookies:
            return self.session_class()
        return super().open_session(app, request)

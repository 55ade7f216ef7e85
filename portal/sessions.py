"""Sessions are for pages: under /api/ there is none, whatever cookie is sent."""

from __future__ import annotations

from flask import Flask, Request
from flask.sessions import SecureCookieSessionInterface, SessionMixin


def is_api(path: str) -> bool:
    """Whether a path is the API's, unknown routes included."""
    return path == "/api" or path.startswith("/api/")


WATCHED = frozenset(("/healthz", "/readyz", "/metrics"))


def is_for_watchers(path: str) -> bool:
    """Whether a path is for programs that watch over the portal (portal/running/health.py)."""
    return path in WATCHED


class PageSessions(SecureCookieSessionInterface):
    """Flask's signed cookies. The API's answers neither read nor set one, and so never vary by it."""

    def open_session(self, app: Flask, request: Request) -> SessionMixin | None:
        """The session of a page; an empty one for the API, for watchers, and where no cookie was sent."""
        if is_api(request.path) or is_for_watchers(request.path) or not request.cookies:
            return self.session_class()
        return super().open_session(app, request)

"""htmx requests and responses, on top of htmx-flask, which parses the request headers."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, redirect, request
from werkzeug.urls import iri_to_uri
from werkzeug.wrappers import Response as AnyResponse

# Responses differ by these headers: without Vary, a cache could return a fragment in place of a page.
VARY = ("HX-Request", "HX-History-Restore-Request")


def wants_fragment() -> bool:
    """Return whether htmx replaces only a part of the page; a history restore needs the whole page."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def redirect_browser(address: str, code: int = 303) -> AnyResponse:
    """Return a redirect of the whole page, for a plain request or one by htmx."""
    if request.htmx:
        return Response(status=code if code >= 400 else 200, headers={"HX-Redirect": iri_to_uri(address)})
    return redirect(address, 303 if code >= 400 else code)


def current_page_address() -> str:
    """Return path and query of the page that the user sees."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    parts = urlsplit(request.htmx.current_url or "")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def safe_target(target: str, default: str) -> str:
    """Return `target` if it is a path on this site, else `default`, to prevent open redirects."""
    is_path = target.startswith("/") and not target.startswith("//")
    return target if is_path and target.isprintable() and "\\" not in target else default

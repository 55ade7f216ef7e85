"""htmx, as far as the server must know it; wraps htmx-flask, which reads the headers and leaves the rest to us."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Response, redirect, request
from werkzeug.wrappers import Response as AnyResponse

# What an answer depends on beside the address: without this a cache hands a fragment to who wants a page.
VARY = ("HX-Request", "HX-History-Restore-Request")


def wants_fragment() -> bool:
    """Whether only a part of the page is to be swapped. Going back in the history asks by htmx for the whole page."""
    return bool(request.htmx) and not request.htmx.history_restore_request


def redirect_browser(address: str, code: int = 303) -> AnyResponse:
    """Lead the whole browser to another page, whether it or htmx asked."""
    if request.htmx:
        return Response(status=code if code >= 400 else 200, headers={"HX-Redirect": address})
    return redirect(address, 303 if code >= 400 else code)


def current_page_address() -> str:
    """The address of the page that the person is looking at, as path and query."""
    if request.method == "GET":
        return request.full_path.rstrip("?")
    parts = urlsplit(request.htmx.current_url or "")
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def safe_target(target: str, otherwise: str) -> str:
    """`target` where it is an address of this very site; else `otherwise`. Never leads off the site."""
    plain = target.isprintable() and "\\" not in target
    return target if plain and target.startswith("/") and not target.startswith("//") else otherwise

"""Every HTML answer is made here: page or fragment, its cache headers, and the error page."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import Any

from flask import Flask, Response, make_response, render_template, request, session, url_for
from flask_login import current_user

from portal.version import ROOT, VERSION
from portal.web import htmx, macros
from portal.web.clock import request_clock
from portal.web.downloads import ExportKind
from portal.web.etags import conditional_response
from portal.web.sessions import is_api


def render(page: str, fragment: str | None = None, /, *, status: int = 200, **context: Any) -> Response:
    """The page, or its fragment alone where htmx swaps a part of a page that is there already."""
    template = fragment if fragment and htmx.wants_fragment() else page
    response = make_response(render_template(template, **context), status)
    response.headers["Cache-Control"] = "no-store"
    return response


def render_with_etag(version: object, build: Any) -> Response:
    """What `build` renders, under an ETag that moves with everything a page shows.

    That is the list's version, the reader's own settings, their session (the page holds its CSRF token), the minute
    (the page holds words like "2 min ago"), and whether it is a page or a fragment. A page with a message that is to
    be read once is never kept.
    """
    if "_flashes" in session:
        return build()
    kind = "fragment" if htmx.wants_fragment() else "page"
    user = current_user._get_current_object()
    reader = (user.get_id(), user.name, user.zone, session.get("csrf_token"))
    return conditional_response(build, kind, version, reader, request_clock().now // 60_000)


@lru_cache(maxsize=256)
def asset_checksum(filename: str) -> str:
    """A short checksum of a static file; in its address, so that it can be cached for good."""
    return sha256((ROOT / "static" / filename).read_bytes()).hexdigest()[:10]


def asset_url(filename: str) -> str:
    """The address of a static file."""
    return url_for("static", filename=filename, v=asset_checksum(filename))


def format_number(number: int) -> str:
    """A whole number with its thousands separated."""
    return f"{number:,}"


def init_app(app: Flask) -> None:
    """What every template knows, and what every HTML answer carries."""
    app.jinja_env.filters.update(grouped=format_number)
    app.jinja_env.globals.update(asset=asset_url, export_kinds=tuple(ExportKind), portal_version=VERSION)
    macros.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.after_request
    def vary(response: Response) -> Response:
        if request.endpoint != "static" and not is_api(request.path):
            response.vary.update(htmx.VARY)
            response.headers.setdefault("Cache-Control", "no-store")  # redirects, too, lead elsewhere tomorrow
        return response

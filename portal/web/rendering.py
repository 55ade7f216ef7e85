"""HTML responses: pages, fragments and their cache headers."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from typing import Any

from flask import Flask, Response, make_response, render_template, request, session, url_for
from flask_login import current_user
from jinja2 import StrictUndefined

from portal.version import ROOT, VERSION
from portal.web import htmx, macros
from portal.web.clock import request_clock
from portal.web.etags import conditional_response
from portal.web.export_kinds import ExportKind
from portal.web.pagination import PAGE_SIZES
from portal.web.parameters import field_limits
from portal.web.sessions import is_api


def render(page: str, fragment: str | None = None, /, *, status: int | None = None, **context: Any) -> Response:
    """Return the page, or only its fragment for an htmx request that replaces a part of the page.

    Without `status`, a page with `problems` is a 400 and any other a 200.
    """
    template = fragment if fragment and htmx.wants_fragment() else page
    return make_response(render_template(template, **context), status or (400 if context.get("problems") else 200))


def render_with_etag(version: object, build: Callable[[], Response]) -> Response:
    """Return the response of `build` with an ETag of everything that a page shows, or 304.

    The ETag covers the list's version, the user's settings, the session (the page contains its CSRF token), the minute
    (the page contains relative times), and whether it is a page or a fragment. A page with a flash message, which must
    show only once, has no ETag.
    """
    if "_flashes" in session:
        return build()
    kind = "fragment" if htmx.wants_fragment() else "page"
    user = current_user._get_current_object()
    user_state = (user.get_id(), user.name, user.zone, session.get("csrf_token"))
    return conditional_response(build, kind, version, user_state, request_clock().now // macros.MINUTE_MS)


@lru_cache(maxsize=256)
def asset_checksum(filename: str) -> str:
    """Return a short checksum of a static file; it is part of the URL, so that browsers may cache the file forever."""
    return sha256((ROOT / "static" / filename).read_bytes()).hexdigest()[:10]


def asset_url(filename: str) -> str:
    """Return the URL of a static file."""
    return url_for("static", filename=filename, v=asset_checksum(filename))


def format_number(number: int) -> str:
    """Return a whole number with thousands separators."""
    return f"{number:,}"


def init_app(app: Flask) -> None:
    """Set up the template environment and the headers of HTML responses."""
    app.jinja_env.filters.update(thousands=format_number)
    app.jinja_env.globals.update(
        asset=asset_url,
        export_kinds=tuple(ExportKind),
        field_limits=field_limits,
        page_sizes=PAGE_SIZES,
        portal_version=VERSION,
    )
    app.jinja_env.undefined = StrictUndefined  # an unknown status or a missing value raises an error
    macros.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.after_request
    def name_varying_headers(response: Response) -> Response:
        if request.endpoint != "static" and not is_api(request.path):
            response.vary.update(htmx.VARY)
        return response

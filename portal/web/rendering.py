"""HTML responses: pages, fragments and their cache headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, Response, make_response, render_template, request, session
from flask_login import current_user
from jinja2 import StrictUndefined

from portal.contacts.countries import country_name, country_options
from portal.models.call import ProgressPart
from portal.times import list_zones
from portal.version import VERSION
from portal.web import assets, htmx, macros, refresh
from portal.web.clock import request_clock
from portal.web.etags import conditional_response
from portal.web.export_kinds import ExportKind
from portal.web.pagination import PAGE_SIZES
from portal.web.parameters import field_limits
from portal.web.sessions import is_api


def render(
    page: str, fragment: str | None = None, live: str | None = None, /, *, status: int | None = None, **context: Any
) -> Response:
    """Return the page, or its fragment for an htmx request, or its live parts for a page that refreshes itself.

    Without `status`, a page with `problems` is a 400 and any other a 200.
    """
    templates = {"page": page, "fragment": fragment, "refresh": live}
    template = templates[response_kind()] or page
    return make_response(render_template(template, **context), status or (400 if context.get("problems") else 200))


def response_kind() -> str:
    """Return which form of a page the request asks for: page, fragment or refresh."""
    if refresh.is_refresh():
        return "refresh"
    return "fragment" if htmx.wants_fragment() else "page"


def render_with_etag(version: object, build: Callable[[], Response]) -> Response:
    """Return the response of `build` with an ETag of everything that a page shows, or 304.

    The ETag covers the list's version, the user's settings and emergency stops, the session (the page contains its
    CSRF token), the minute (the page contains relative times), and whether it is a page, a fragment or a refresh. A
    page with a flash message, which must show only once, has no ETag. No page of a signed-in user is stored
    by a browser, so only requests that send If-None-Match themselves get 304 (static/scripts/refresh.js).
    """
    if "_flashes" in session:
        return build()
    user = current_user._get_current_object()
    user_state = (user.get_id(), user.name, user.zone, user.region, user.stopped_at, session.get("csrf_token"))
    minute = request_clock().now // macros.MINUTE_MS
    return conditional_response(build, response_kind(), version, user_state, minute)


def format_number(number: int) -> str:
    """Return a whole number with thousands separators."""
    return f"{number:,}"


def init_app(app: Flask) -> None:
    """Set up the template environment and the headers of HTML responses."""
    app.jinja_env.filters.update(thousands=format_number, country_name=country_name)
    app.jinja_env.globals.update(
        country_options=country_options,
        export_kinds=tuple(ExportKind),
        field_limits=field_limits,
        list_zones=list_zones,
        live_part=refresh.live_part,
        page_sizes=PAGE_SIZES,
        portal_version=VERSION,
        progress_parts=tuple(ProgressPart),
    )
    app.jinja_env.undefined = StrictUndefined  # an unknown status or a missing value raises an error
    assets.init_app(app)
    macros.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.after_request
    def name_varying_headers(response: Response) -> Response:
        if request.endpoint != "static" and not is_api(request.path):
            response.vary.update((*htmx.VARY, refresh.HEADER))
        return response

"""Every HTML answer is made here: page or fragment, its cache headers, and the error page."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, make_response, render_template, request, session, url_for
from flask.globals import request_ctx
from flask_login import current_user
from jinja2 import StrictUndefined

from portal.version import ROOT, VERSION
from portal.web import htmx, macros
from portal.web.clock import request_clock
from portal.web.etags import conditional_response
from portal.web.pagination import PAGE_SIZES
from portal.web.parameters import field_limits
from portal.web.sessions import is_api

ERROR_WORDS = {
    400: ("That did not work", "The request could not be understood. Go back, reload the page and try again."),
    403: ("Not yours to see", "This account may not do that."),
    404: (
        "Nothing here",
        "There is nothing at this address: it may have been deleted, or it belongs to another account.",
    ),
    405: ("That did not work", "This address cannot be used in that way."),
    413: ("Too large", "What was sent is larger than the portal takes."),
    414: ("Too long an address", "This address is longer than the portal takes. Search for less, or choose less."),
    429: ("Too many requests", "Too much was asked for at once from here. Wait a few seconds, then reload the page."),
    500: ("Something broke", "The fault is ours, and it has been written down. Try again; your data is as it was."),
    503: ("The database is away", "The portal cannot reach its database. Try again in a few seconds."),
    507: ("No room left", "The portal's disk is full, so nothing was stored. What was there is as it was."),
}


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


def error_page(code: int, message: str = "", own_title: str = "") -> Response:
    """An error in plain words; as a fragment only its message, which the page shows without losing what it holds."""
    title, text = ERROR_WORDS.get(code, (HTTPStatus(code).phrase, "Go back, reload the page and try again."))
    if request_ctx.url_adapter is None:  # the Host header is no host's name: there are no addresses to draw a page with
        return Response(f"{own_title or title}. {message or text}\n", code, mimetype="text/plain")
    told = {"code": code, "title": own_title or title, "message": message or text}
    return render("error.html", "components/_message.html", status=code, **told)


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
    app.jinja_env.filters.update(thousands=format_number)
    app.jinja_env.globals.update(
        asset=asset_url, field_limits=field_limits, page_sizes=PAGE_SIZES, portal_version=VERSION
    )
    app.jinja_env.undefined = StrictUndefined  # an unknown status or a missing value is an error, not an empty place
    macros.init_app(app)
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True

    @app.after_request
    def vary(response: Response) -> Response:
        if request.endpoint != "static" and not is_api(request.path):
            response.vary.update(htmx.VARY)
            response.headers.setdefault("Cache-Control", "no-store")  # redirects, too, lead elsewhere tomorrow
        return response

"""Template macros as cached functions and filters that every template can use without importing them.

A macro returns the same markup for the same arguments. Badges, links and bars repeat on every page, and rendering them
each time would take half of a page's time.
"""

from __future__ import annotations

import re
from datetime import tzinfo
from functools import lru_cache
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

from portal.times import YOUNG_MS, format_exact, format_iso, format_minute, format_relative
from portal.web.clock import request_clock

# Macros by name, with their templates. Their arguments are plain values: no request, no clock, no database row.
# A macro of a single value is a filter, because Jinja runs filters faster than functions.
FUNCTIONS = {
    "batch_cells": "batches/_row.html",
    "icon": "components/icons.html",
    "legend": "components/progress.html",
    "logo": "components/icons.html",
    "outcome_bar": "components/progress.html",
    "htmx_get": "components/hypermedia.html",
}
FILTERS = {
    "htmx_link": "components/hypermedia.html",
    "progress_bar": "components/progress.html",
    "percent_of": "components/progress.html",
    "status": "components/status.html",
}
CACHE_SIZE = 4096  # entries per macro, of at most about 500 bytes
ROW_CACHE_SIZE = 500  # a row of a list takes about 2,500 bytes
MINUTE_MS = 60_000
QUOTED_NAME = re.compile("“([^“”]*)”")


def init_app(app: Flask) -> None:
    """Add the macros to the app's templates."""
    for namespace, macros in ((app.jinja_env.globals, FUNCTIONS), (app.jinja_env.filters, FILTERS)):
        namespace.update({name: cached_macro(app, template, name) for name, template in macros.items()})
    render_time = cached_macro(app, "components/time.html", "render_time")

    @lru_cache(maxsize=CACHE_SIZE)
    def render_time_at(ms: int, minute: int, zone: tzinfo) -> Markup:
        end_of_minute = minute * MINUTE_MS + MINUTE_MS - 1
        text = format_relative(ms, end_of_minute, zone)
        return render_time(text, format_exact(ms, zone), format_iso(ms), "", 0 <= end_of_minute - ms < YOUNG_MS)

    def relative_time(ms: int | None, never: str = "–") -> Markup:
        """Return a relative time with the exact one as its tooltip, or `never` for None.

        The text changes with the minute, as the ETag of a page does (portal/web/rendering.py, render_with_etag).
        """
        if ms is None:
            return render_time("", "", "", never)
        clock = request_clock()
        return render_time_at(ms, clock.now // MINUTE_MS, clock.zone)

    def local_time(ms: int) -> str:
        """Return a time to the minute in the user's time zone: Tue 17 Nov, 08:00."""
        return format_minute(ms, request_clock().zone)

    def batch_status(batch: Any) -> Markup:
        """Return the badge of a batch."""
        return app.jinja_env.filters["status"](*batch.badge)

    app.jinja_env.filters.update(
        batch_status=batch_status, isolate_names=isolate_names, relative_time=relative_time, local_time=local_time
    )


def isolate_names(sentence: str) -> Markup:
    """Return a sentence with its quoted names isolated, so that their script does not reorder the words around them."""
    name = Markup("“<bdi>{}</bdi>”")
    parts = enumerate(QUOTED_NAME.split(sentence))
    return Markup("").join(name.format(part) if number % 2 else escape(part) for number, part in parts)


def cached_macro(app: Flask, template: str, name: str) -> Any:
    """Return a function that calls a macro of a template and caches its results."""

    @lru_cache(maxsize=ROW_CACHE_SIZE if name.endswith("_cells") else CACHE_SIZE)
    def render(*arguments: Any) -> Markup:
        return getattr(app.jinja_env.get_template(template).module, name)(*arguments)

    return render

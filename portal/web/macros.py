"""Components: macros that every template knows without importing them, and whose results are remembered.

Each of them draws the same from the same arguments, and the same badges, links and bars stand on page after page: drawn
anew each time they would take half of a page's time.
"""

from __future__ import annotations

from datetime import tzinfo
from functools import lru_cache
from typing import Any

from flask import Flask
from markupsafe import Markup

from portal.times import format_exact, format_iso, format_minute, format_relative
from portal.web.clock import request_clock

# Each with the template that holds its macro. They take plain values: no request, no clock, no row of the database.
# What draws a value is a filter of it, which Jinja runs more quickly than a function.
FUNCTIONS = {
    "batch_row": "components/batch_row.html",
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
MOST_REMEMBERED = 4096  # of each; a link is the longest of the small ones, with some 500 bytes
MINUTE = 60_000
MOST_ROWS = 500  # a row of the list has some 2,500


def init_app(app: Flask) -> None:
    """Make the components known to the app's templates."""
    for known, components in ((app.jinja_env.globals, FUNCTIONS), (app.jinja_env.filters, FILTERS)):
        known.update({name: cached_macro(app, template, name) for name, template in components.items()})
    drawn = cached_macro(app, "components/time.html", "render_time")

    @lru_cache(maxsize=MOST_REMEMBERED)
    def drawn_at(ms: int, minute: int, zone: tzinfo) -> Markup:
        return drawn(
            format_relative(ms, minute * MINUTE + MINUTE - 1, zone), format_exact(ms, zone), format_iso(ms), ""
        )

    def relative_time(ms: int | None, never: str = "–") -> Markup:
        """A time as people say it, with the exact moment for whoever points at it; `never` where there is none.

        The words change with the minute, as the ETag of a page does (pages.render_current).
        """
        if ms is None:
            return drawn("", "", "", never)
        here = request_clock()
        return drawn_at(ms, here.now // MINUTE, here.zone)

    def local_time(ms: int) -> str:
        """A time by the reader's clock, to the minute: Tue 17 Nov, 08:00."""
        return format_minute(ms, request_clock().zone)

    app.jinja_env.filters.update(relative_time=relative_time, local_time=local_time)


def cached_macro(app: Flask, template: str, name: str) -> Any:
    """A macro of a template as a function that remembers what it drew."""

    @lru_cache(maxsize=MOST_ROWS if name.endswith("_row") else MOST_REMEMBERED)
    def draw(*arguments: Any) -> Markup:
        return getattr(app.jinja_env.get_template(template).module, name)(*arguments)

    return draw

"""The list."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.batches import query
from portal.batches.list_menus import created_date_menu, sort_menu
from portal.batches.pages.actions import TOOLBAR
from portal.batches.pages.blueprint import blueprint
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import listing_view
from portal.models import QueueStatus
from portal.models.list_state import ListState
from portal.times import local_day
from portal.web.clock import request_clock
from portal.web.parameters import ParsedParameters, parse_query
from portal.web.rendering import render, render_with_etag


@blueprint.get("")
@login_required
def list_batches() -> Response:
    """The list; as a fragment, everything below the search box."""
    reading = parse_query(request.query_string, BatchListParameters, zone=request_clock().zone, ignore_unknown=True)
    state = current_user.list_state
    return render_with_etag(state.version, lambda: show_list(state, reading))


def show_list(state: ListState, reading: ParsedParameters[BatchListParameters]) -> Response:
    """The page of rows that was asked for, or the way to the last page where it lies past the end."""
    asked = reading.values
    counts = query.status_counts(state, asked)
    page = query.fetch_page(state, asked, counts)
    here = request_clock()
    if page.past_end:
        last = asked.model_copy(update={"page": page.total_pages or 1})
        if reading.problems:  # a redirect would lose what is to be said of them
            return show_list(state, ParsedParameters(last, reading.problems))
        return redirect(url_for(".list_batches") + last.query())
    return render(
        "batches/list.html",
        "batches/_table.html",
        status=400 if reading.problems else 200,
        problems=list(reading.problems.values()),
        listing=listing_view(asked, page, counts, has_batches=state.total > 0),
        running=state.live[QueueStatus.ACTIVE] > 0,
        bulk_actions=TOOLBAR,
        sorts=sort_menu(asked),
        created=created_date_menu(asked, local_day(here.now, here.zone), here.zone),
    )

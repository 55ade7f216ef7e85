"""The list."""

from __future__ import annotations

from flask import redirect, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.batches import query
from portal.batches.menus import created_menu, sort_menu
from portal.batches.pages.blueprint import blueprint
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import listing_view
from portal.batches.state import ListState
from portal.clock import clock
from portal.models import QueueStatus
from portal.pages import render, render_current
from portal.parameters import Reading, read_query
from portal.times import day_of


@blueprint.get("")
@login_required
def list_batches() -> Response:
    """The list; as a fragment, everything below the search box."""
    reading = read_query(request.query_string, BatchListParameters, zone=clock().zone, ignore_unknown=True)
    state = current_user.list_state
    return render_current(state.version, lambda: show_list(state, reading))


def show_list(state: ListState, reading: Reading[BatchListParameters]) -> Response:
    """The page of rows that was asked for, or the way to the last page where it lies past the end."""
    asked = reading.values
    counts = query.status_counts(state, asked)
    page = query.fetch_page(state, asked, counts)
    here = clock()
    if page.past_end:
        last = asked.model_copy(update={"page": page.total_pages or 1})
        if reading.problems:  # a redirect would lose what is to be said of them
            return show_list(state, Reading(last, reading.problems))
        return redirect(url_for(".list_batches") + last.query())
    return render(
        "batches/list.html",
        "batches/_table.html",
        status=400 if reading.problems else 200,
        problems=list(reading.problems.values()),
        listing=listing_view(asked, page, counts, has_batches=state.total > 0),
        running=state.live[QueueStatus.ACTIVE] > 0,
        sorts=sort_menu(asked),
        created=created_menu(asked, day_of(here.now, here.zone), here.zone),
    )

"""The list page."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.batches import query
from portal.batches.list_menus import created_date_menu, sort_menu
from portal.batches.pages.actions import TOOLBAR
from portal.batches.pages.blueprint import blueprint
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import Listing
from portal.calls import query as calls_query
from portal.live import Deleted
from portal.models import QueueStatus
from portal.models.list_state import ListState
from portal.times import local_day
from portal.web.clock import request_clock
from portal.web.pagination import CountedPage, fetch_existing_page
from portal.web.parameters import ParsedParameters, parse_query
from portal.web.rendering import render, render_with_etag


@blueprint.get("")
@login_required
def list_batches() -> Response:
    """Show the list; as a fragment, everything below the search box."""
    parsed = parse_query(request.query_string, BatchListParameters, zone=request_clock().zone, ignore_unknown=True)
    state = current_user.list_state
    return render_with_etag(state.version, lambda: render_list(state, parsed))


def has_calls_on_line(listing: Listing) -> bool:
    """Return whether a batch of the page that does not start calls still has calls on the line.

    A completed batch has none.
    """
    ids = [batch.id for batch in listing.rows if batch.status is not QueueStatus.COMPLETED]
    return calls_query.has_calls_on_line(current_user.key, ids)


def render_list(state: ListState, parsed: ParsedParameters[BatchListParameters]) -> Response:
    """Render the list with the given parameters."""

    def fetch(parameters: BatchListParameters) -> CountedPage[Any]:
        return query.fetch_counted_page(parameters.to_list_query(state))

    parameters, page = fetch_existing_page(parsed, fetch)
    clock = request_clock()
    listing = Listing(
        parameters, page, has_batches=state.total > 0 or parameters.deleted is not Deleted.EXCLUDE, now=clock.now
    )
    return render(
        "batches/list.html",
        "batches/_table.html",
        "batches/_list_live.html",
        problems=parsed.problems,
        listing=listing,
        running=state.live[QueueStatus.ACTIVE] > 0 or listing.has_scheduled or has_calls_on_line(listing),
        bulk_actions=TOOLBAR,
        sorts=sort_menu(parameters),
        created=created_date_menu(parameters, local_day(clock.now, clock.zone), clock.zone),
    )

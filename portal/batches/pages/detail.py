"""One batch: its counts, what became of its calls, and who did what."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.audit import batch_query as changes_query
from portal.audit.batch_presenter import batch_event_view
from portal.batches import transitions
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.parameters import ActivityParameters
from portal.batches.presenter import batch_view, calling_hours_view
from portal.calls import query as calls_query
from portal.calls.chart import picked_up_chart
from portal.calls.parameters import CallListParameters
from portal.calls.presenter import call_listing, outcome_views
from portal.models import CallStatus, QueueStatus
from portal.models.call import OPEN_STATUSES
from portal.web.clock import request_clock
from portal.web.parameters import ParsedParameters, parse_query
from portal.web.rendering import render, render_with_etag

# So many of the last changes stand on the batch's own page, and so many parts of time in its line.
RECENT_EVENTS = 5
CHART_PARTS = 24


@blueprint.get("/<batch_id>")
@login_required
def show_batch(batch_id: str) -> Response:
    """One batch with its counts and a page of its calls."""
    reading = parse_query(request.query_string, CallListParameters, zone=request_clock().zone, ignore_unknown=True)
    return render_with_etag(current_user.list_state.version, lambda: render_batch(batch_id, reading))


def render_batch(batch_id: str, reading: ParsedParameters[CallListParameters]) -> Response:
    """The batch and those of its calls that were asked for."""
    batch = batch_or_404(batch_id)
    owner, asked = current_user.key, reading.values
    call_query = asked.to_query()
    counts = calls_query.count_by_status(owner, batch.id, call_query)
    total = sum(counts[status] for status in asked.status or CallStatus)
    page = calls_query.fetch_page(owner, batch.id, call_query, total)
    if page.past_end:
        last = asked.model_copy(update={"page": page.total_pages or 1})
        if reading.problems:
            return render_batch(batch_id, ParsedParameters(last, reading.problems))
        return redirect(url_for(".show_batch", batch_id=batch.id) + last.query())
    picked = calls_query.fetch_picked_times(owner, batch.id, CHART_PARTS) if batch.calls_picked else (0, 0, {})
    outcomes = calls_query.count_by_status(owner, batch.id) if asked.is_filtered else counts
    return render(
        "batches/detail.html",
        "calls/_table.html",
        status=400 if reading.problems else 200,
        problems=list(reading.problems.values()),
        batch=batch_view(batch),
        running=batch.status == QueueStatus.ACTIVE,
        moves=transitions.available_actions(
            QueueStatus(batch.status), has_open=any(outcomes[status] for status in OPEN_STATUSES)
        ),
        window=calling_hours_view(batch.settings, request_clock().now),
        settings=batch.settings,
        outcomes=outcome_views(outcomes),
        chart=picked_up_chart(*picked, CHART_PARTS),
        listing=call_listing(asked, page, counts, current_user.region, has_calls=batch.total_calls > 0),
        **recent_events(batch.id),
    )


def recent_events(batch_id: str) -> dict[str, Any]:
    """The last things that were done to the batch, and how many there are in all."""
    page = changes_query.fetch_batch_events(current_user.key, batch_id, 1, RECENT_EVENTS)
    return {"changes": [batch_event_view(row) for row in page.rows], "changes_total": page.total}


@blueprint.get("/<batch_id>/changes")
@login_required
def show_activity(batch_id: str) -> Response:
    """Everything that was done to the batch."""
    reading = parse_query(request.query_string, ActivityParameters, ignore_unknown=True)
    asked = reading.values
    batch = batch_or_404(batch_id)
    page = changes_query.fetch_batch_events(current_user.key, batch.id, asked.page, asked.limit)
    if page.past_end:
        last = asked.query(page=page.total_pages or 1)
        return redirect(url_for(".show_activity", batch_id=batch.id) + last)
    return render(
        "batches/changes.html",
        "changes/_table.html",
        status=400 if reading.problems else 200,
        problems=list(reading.problems.values()),
        batch=batch_view(batch),
        asked=asked,
        page=page,
        changes=[batch_event_view(row) for row in page.rows],
    )

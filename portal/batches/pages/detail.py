"""One batch: its counts, what became of its calls, and who did what."""

from __future__ import annotations

from typing import Any

from flask import redirect, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.batches import moves
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.parameters import ChangeListParameters
from portal.batches.presenter import batch_view, window_view
from portal.calls import query as calls_query
from portal.calls.chart import picked_chart
from portal.calls.parameters import CallView
from portal.calls.presenter import call_listing, outcome_views
from portal.changes import query as changes_query
from portal.changes.presenter import change_view
from portal.clock import clock
from portal.models import CallStatus, QueueStatus
from portal.models.call import OPEN
from portal.pages import render, render_current
from portal.parameters import Reading, read_query

# So many of the last changes stand on the batch's own page, and so many parts of time in its line.
LAST_CHANGES = 5
CHART_PARTS = 24


@blueprint.get("/<batch_id>")
@login_required
def show_batch(batch_id: str) -> Response:
    """One batch with its counts and a page of its calls."""
    reading = read_query(request.query_string, CallView, zone=clock().zone, ignore_unknown=True)
    return render_current(current_user.list_state.version, lambda: show(batch_id, reading))


def show(batch_id: str, reading: Reading[CallView]) -> Response:
    """The batch and those of its calls that were asked for."""
    batch = batch_or_404(batch_id)
    owner, asked = current_user.key, reading.values
    counts = calls_query.status_counts(owner, batch.id, asked)
    page = calls_query.fetch_page(owner, batch.id, asked, sum(counts[status] for status in asked.status or CallStatus))
    if page.past_end:
        last = asked.model_copy(update={"page": page.total_pages or 1})
        if reading.problems:
            return show(batch_id, Reading(last, reading.problems))
        return redirect(url_for(".show_batch", batch_id=batch.id) + last.query())
    picked = calls_query.picked_times(owner, batch.id, CHART_PARTS) if batch.calls_picked else (0, 0, {})
    outcomes = calls_query.outcome_counts(owner, batch.id) if asked.narrows else counts
    return render(
        "batches/detail.html",
        "calls/_table.html",
        status=400 if reading.problems else 200,
        problems=list(reading.problems.values()),
        batch=batch_view(batch),
        running=batch.status == QueueStatus.ACTIVE,
        moves=moves.legal(QueueStatus(batch.status), has_open=any(outcomes[status] for status in OPEN)),
        window=window_view(batch.settings, clock().now),
        settings=batch.settings,
        outcomes=outcome_views(outcomes),
        chart=picked_chart(*picked, CHART_PARTS),
        listing=call_listing(asked, page, counts, current_user.region, has_calls=batch.total_calls > 0),
        **last_changes(batch.id),
    )


def last_changes(batch_id: str) -> dict[str, Any]:
    """The last things that were done to the batch, and how many there are in all."""
    page = changes_query.fetch_page(current_user.key, batch_id, 1, LAST_CHANGES)
    return {"changes": [change_view(row) for row in page.rows], "changes_total": page.total}


@blueprint.get("/<batch_id>/changes")
@login_required
def show_changes(batch_id: str) -> Response:
    """Everything that was done to the batch."""
    reading = read_query(request.query_string, ChangeListParameters, ignore_unknown=True)
    asked = reading.values
    batch = batch_or_404(batch_id)
    page = changes_query.fetch_page(current_user.key, batch.id, asked.page, asked.limit)
    if page.past_end:
        last = asked.query(page=page.total_pages or 1)
        return redirect(url_for(".show_changes", batch_id=batch.id) + last)
    return render(
        "batches/changes.html",
        "changes/_table.html",
        status=400 if reading.problems else 200,
        problems=list(reading.problems.values()),
        batch=batch_view(batch),
        asked=asked,
        page=page,
        changes=[change_view(row) for row in page.rows],
    )

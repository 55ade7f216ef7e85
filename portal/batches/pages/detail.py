"""The page of a batch (counts, calls and latest events) and its activity page."""

from __future__ import annotations

from typing import Any

from flask import request
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.attempts import query as attempts_query
from portal.attempts.presenter import attempt_results
from portal.audit import batch_query as events_query
from portal.audit.batch_presenter import batch_event_view
from portal.batches import transitions
from portal.batches.pages.actions import PageAction
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.pages.dialing import dialing_panel
from portal.batches.parameters import ActivityParameters
from portal.batches.presenter import calling_hours_view
from portal.batches.rows import batch_view
from portal.calls import query as calls_query
from portal.calls.chart import picked_up_chart
from portal.calls.parameters import CallListParameters
from portal.calls.presenter import call_listing, outcome_views
from portal.models import QueueStatus
from portal.models.call import ON_LINE_STATUSES, OPEN_STATUSES
from portal.trunks import query as trunks_query
from portal.trunks.presenter import calling_number_views
from portal.web.clock import request_clock
from portal.web.pagination import fetch_existing_page
from portal.web.parameters import ParsedParameters, parse_query
from portal.web.rendering import render, render_with_etag

RECENT_EVENTS = 3


@blueprint.get("/<batch_id>")
@login_required
def show_batch(batch_id: str) -> Response:
    """Show a batch, its counts and a page of its calls."""
    parsed = parse_query(request.query_string, CallListParameters, zone=request_clock().zone, ignore_unknown=True)
    return render_with_etag(current_user.list_state.version, lambda: render_batch(batch_id, parsed))


def render_batch(batch_id: str, parsed: ParsedParameters[CallListParameters]) -> Response:
    """Render the batch and the calls that match the parameters."""
    batch = batch_or_404(batch_id)
    owner = current_user.key
    parameters, page = fetch_existing_page(
        parsed,
        lambda parameters: calls_query.fetch_page(owner, batch, parameters.to_query(current_user.region)),
    )
    outcomes = page.batch_counts
    view = batch_view(batch, request_clock().now)
    is_on_line = any(outcomes[status] for status in ON_LINE_STATUSES)
    return render(
        "batches/detail.html",
        "calls/_table.html",
        "batches/_live.html",
        problems=parsed.problems,
        batch=view,
        running=batch.status == QueueStatus.ACTIVE or is_on_line or bool(view.start),
        actions=[
            PageAction(action)
            for action in transitions.available_actions(
                QueueStatus(batch.status), has_open=any(outcomes[status] for status in OPEN_STATUSES)
            )
        ],
        window=calling_hours_view(batch.settings, request_clock().now),
        **dialing_facts(batch),
        dialing=dialing_panel(batch, outcomes),
        outcomes=outcome_views(outcomes),
        results=attempt_results(attempts_query.fetch_counts(owner, batch.id) if batch.calls_called else ()),
        chart=picked_up_chart(calls_query.count_answers(owner, batch.id) if batch.calls_picked else None),
        listing=call_listing(
            parameters,
            page,
            attempts_query.fetch_attempts(call.key for call in page.rows if call.attempts),
            current_user.region,
            has_calls=batch.total_calls > 0,
        ),
        **recent_events(batch.id),
    )


def dialing_facts(batch: Any) -> dict[str, Any]:
    """Return the numbers that the batch calls from."""
    numbers = batch.settings.get("callingNumbers", [])
    known = trunks_query.list_caller_numbers(current_user.key, numbers) if numbers else []
    return {"calling_numbers": calling_number_views(numbers, known, current_user.region)}


def recent_events(batch_id: str) -> dict[str, Any]:
    """Return the batch's latest events and their total number."""
    page = events_query.fetch_batch_events(current_user.key, batch_id, 1, RECENT_EVENTS)
    return {"changes": [batch_event_view(row) for row in page.rows], "changes_total": page.total}


@blueprint.get("/<batch_id>/changes")
@login_required
def show_activity(batch_id: str) -> Response:
    """Show all events of the batch."""
    parsed = parse_query(request.query_string, ActivityParameters, ignore_unknown=True)
    batch = batch_or_404(batch_id)
    parameters, page = fetch_existing_page(
        parsed,
        lambda parameters: events_query.fetch_batch_events(
            current_user.key, batch.id, parameters.page, parameters.limit
        ),
    )
    return render(
        "batches/activity.html",
        "batches/_activity.html",
        problems=parsed.problems,
        batch=batch_view(batch),
        parameters=parameters,
        page=page,
        changes=[batch_event_view(row) for row in page.rows],
    )

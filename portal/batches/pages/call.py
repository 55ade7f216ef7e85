"""The page of one call with its attempts."""

from __future__ import annotations

from flask import Response, abort
from flask_login import current_user, login_required

from portal.attempts import query as attempts_query
from portal.attempts.presenter import attempt_details
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.rows import batch_view
from portal.calls import query as calls_query
from portal.calls.presenter import call_view
from portal.ids import parse_id
from portal.models.call import HeldFor
from portal.web.rendering import render


@blueprint.get("/<batch_id>/calls/<call_id>")
@login_required
def show_call(batch_id: str, call_id: str) -> Response:
    """Show a call, its fields and its attempts."""
    batch = batch_or_404(batch_id)
    public_id = parse_id(call_id)
    call = calls_query.find_call(current_user.key, batch.id, public_id) if public_id else None
    if call is None:
        abort(404)
    attempts = attempts_query.fetch_attempts([call.key]).get(call.key, ())
    recordings = attempts_query.fetch_recordings([call.key])
    return render(
        "calls/call.html",
        batch=batch_view(batch),
        call=call_view(call, current_user.region),
        held_for=HeldFor.label_of(call.held_for) if call.held_for else "",
        attempts=[
            attempt_details(attempt, recordings.get((call.key, attempt.number)), current_user.region)
            for attempt in attempts
        ],
    )

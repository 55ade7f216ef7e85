"""The page that stops all calls of an account and lifts the stop, and what every page says about stops."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, Response, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.current_user import current_actor
from portal.dialing.stops import actions, query
from portal.dialing.stops.parameters import StopReason
from portal.dialing.stops.presenter import StopView, stop_view
from portal.models import QueueStatus
from portal.models.emergency_stop import EVERYONE
from portal.web import htmx
from portal.web.parameters import parse_form
from portal.web.rendering import render

blueprint = Blueprint("stops", __name__, url_prefix="/settings/emergency-stop")


@blueprint.app_context_processor
def inject_stops() -> dict[str, object]:
    """Return the stops in force for the reader, and whether calls of the reader can be open.

    The user of the request was read with the time of the latest stop, so pages need a query only while one is in force.
    """
    try:
        user = current_user if current_user.is_authenticated else None
        stops = list_stop_views() if user and user.stopped_at else []
        return {"stops": stops, "is_dialing": bool(user and user.list_state.live[QueueStatus.ACTIVE])}
    except Exception:  # the error that the page reports
        return {"stops": [], "is_dialing": False}


def list_stop_views() -> list[StopView]:
    """Return the stops in force for the signed-in user."""
    rows = query.list_stops(current_user.key)
    return [stop_view(row, current_user.key, is_admin=current_user.is_admin) for row in rows]


@blueprint.get("")
@login_required
def show_stop() -> Response:
    """Show what the stop does, or the stop in force."""
    return render_stop({}, everyone=False)


@blueprint.post("")
@login_required
def stop_calls() -> AnyResponse:
    """Stop the account."""
    parsed = parse_form(request.form, StopReason)
    if parsed.problems:
        return render_stop(parsed.problems, everyone=False)
    flash(describe_hung_up(actions.stop(current_actor(), parsed.values.reason)))
    return htmx.redirect_browser(url_for(".show_stop"))


@blueprint.post("/lift")
@login_required
def lift_stop() -> AnyResponse:
    """Lift the stop of the account."""
    parsed = parse_form(request.form, StopReason)
    if parsed.problems:
        return render_stop(parsed.problems, everyone=False)
    was_stopped = actions.resume(current_actor(), parsed.values.reason)
    flash("Emergency stop lifted. Active batches continue." if was_stopped else "No change needed.")
    return htmx.redirect_browser(url_for("batches.list_batches"))


def render_stop(problems: Mapping[str, str], *, everyone: bool) -> Response:
    """Render the page of the account's stop, or of the stop of all accounts."""
    in_force = [stop for stop in list_stop_views() if stop.is_for_everyone == everyone]
    context: dict[str, Any] = {
        "everyone": everyone,
        "stop": in_force[0] if in_force else None,
        "open_calls": query.count_on_line(EVERYONE if everyone else current_user.key),
        "active_batches": current_user.list_state.live[QueueStatus.ACTIVE],
    }
    return render("stops/stop.html", problems=problems, form=request.form, **context)


def describe_hung_up(open_calls: int) -> str:
    """Say what a stop did."""
    if not open_calls:
        return "All calls stopped. No call was open."
    calls = "1 open call is" if open_calls == 1 else f"{open_calls:,} open calls are"
    return f"All calls stopped. {calls} being hung up."

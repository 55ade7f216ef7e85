"""The page that stops the calls of all accounts and lifts the stop."""

from __future__ import annotations

from flask import Blueprint, Response, flash, request, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.current_user import current_actor
from portal.admin import actions
from portal.admin.access import require_admin
from portal.admin.actions import AdminActionRefused
from portal.dialing.stops.pages import describe_hung_up, render_stop
from portal.dialing.stops.parameters import StopReason
from portal.web import htmx
from portal.web.parameters import parse_form

blueprint = Blueprint("admin_stops", __name__, url_prefix="/admin/emergency-stop")
blueprint.before_request(require_admin)


@blueprint.get("")
def show_stop() -> Response:
    """Show what the stop does, or the stop in force."""
    return render_stop({}, everyone=True)


@blueprint.post("")
def stop_calls() -> AnyResponse:
    """Stop all accounts."""
    parsed = parse_form(request.form, StopReason)
    if parsed.problems:
        return render_stop(parsed.problems, everyone=True)
    try:
        flash(describe_hung_up(actions.stop_everyone(parsed.values.reason, current_actor())))
    except AdminActionRefused as refusal:
        flash(f"{refusal}.", "problem")
    return htmx.redirect_browser(url_for(".show_stop"))


@blueprint.post("/lift")
def lift_stop() -> AnyResponse:
    """Lift the stop of all accounts."""
    parsed = parse_form(request.form, StopReason)
    if parsed.problems:
        return render_stop(parsed.problems, everyone=True)
    try:
        was_stopped = actions.resume_everyone(parsed.values.reason, current_actor())
        flash("Emergency stop of all accounts lifted." if was_stopped else "No change needed.")
    except AdminActionRefused as refusal:
        flash(f"{refusal}.", "problem")
    return htmx.redirect_browser(url_for(".show_stop"))

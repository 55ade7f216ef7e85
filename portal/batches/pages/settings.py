"""The page that changes a batch's name and settings, in any status."""

from __future__ import annotations

from typing import Any

from flask import flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.batches import actions
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.rows import batch_view
from portal.batches.settings import BatchChanges, changed_settings, effective_settings
from portal.batches.settings_form import ALL_DAY, local_start, problems_by_field, read_settings_fields, settings_form
from portal.times import UTC
from portal.trunks import query as trunks_query
from portal.trunks.presenter import caller_number_view
from portal.web import htmx
from portal.web.parameters import InvalidParameter, parse_fields
from portal.web.rendering import render


@blueprint.get("/<batch_id>/settings")
@login_required
def show_settings(batch_id: str) -> Response:
    """Show the form with the batch's settings."""
    return render_settings(batch_or_404(batch_id), {})


def render_settings(batch: Any, problems: dict[str, str]) -> Response:
    """Render the form, with problems beside their fields."""
    numbers = trunks_query.list_caller_numbers(current_user.key)
    caller_numbers = [caller_number_view(row, current_user.region) for row in numbers]
    form = settings_form(batch.name, effective_settings(batch), request.form, problems, caller_numbers)
    return render("batches/settings.html", batch=batch_view(batch), form=form, problems=problems)


@blueprint.post("/<batch_id>/settings")
@login_required
def change_settings(batch_id: str) -> Response:
    """Change the name and the settings that differ."""
    batch = batch_or_404(batch_id)
    given = read_changes(batch)
    parsed = parse_fields(given, BatchChanges, UTC, {}, current_user.region)
    if parsed.problems:
        return render_settings(batch, problems_by_field(parsed.problems))
    changes = parsed.values
    try:
        changed = actions.change_batch(current_user.actor, batch.id, changes.batch_name, changed_settings(changes))
    except InvalidParameter as error:
        return render_settings(batch_or_404(batch_id), problems_by_field(error.problems))
    if changed is None:
        return batch_or_404(batch_id)
    flash("Settings saved.")
    return htmx.redirect_browser(url_for(".show_batch", batch_id=batch_id))


def read_changes(batch: Any) -> dict[str, Any]:
    """Return the fields of the form, of which an empty one clears its setting, as BatchChanges takes them."""
    settings = effective_settings(batch)
    given = {"callingHour": ALL_DAY} | read_settings_fields(request.form)
    if not (given["callingNumbers"] or settings["callingNumbers"]):
        del given["callingNumbers"]  # batches of the demo and of imports have none
    if request.form.get("startsAt") == local_start(settings):
        given.pop("startsAt", None)  # unchanged, and perhaps past
    return given

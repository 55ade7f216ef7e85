"""The trash: deleted batches, which can be restored."""

from __future__ import annotations

from typing import Annotated

from flask import flash, request, url_for
from flask_login import current_user, login_required
from pydantic import Field
from werkzeug.wrappers import Response

from portal.batches import actions, query
from portal.batches.pages.actions import MAX_SELECTED
from portal.batches.pages.blueprint import blueprint
from portal.batches.parameters import TrashParameters
from portal.batches.presenter import trash_view
from portal.web import htmx
from portal.web.field_types import HexId
from portal.web.pagination import fetch_existing_page
from portal.web.parameters import Parameters, parse_form, parse_query
from portal.web.rendering import render


class RestoreForm(Parameters):
    """The batches to restore, and the address to return to."""

    id: Annotated[tuple[HexId, ...], Field(max_length=MAX_SELECTED)] = ()
    back: str = ""


@blueprint.get("/trash")
@login_required
def show_trash() -> Response:
    """Show one page of deleted batches, the most recently deleted first."""
    parsed = parse_query(request.query_string, TrashParameters, ignore_unknown=True)
    parameters, page = fetch_existing_page(
        parsed, lambda parameters: query.fetch_trash(current_user.key, parameters.page, parameters.limit)
    )
    return render(
        "batches/trash.html",
        "batches/_trash.html",
        problems=parsed.problems,
        parameters=parameters,
        page=page,
        batches=[trash_view(row) for row in page.rows],
    )


@blueprint.post("/restore")
@login_required
def restore_batches() -> Response:
    """Restore batches with their calls."""
    form = parse_form(
        {"back": request.form.get("back", "")}, RestoreForm, {"id": request.form.getlist("id")}
    ).or_refuse()
    count = sum(actions.restore_batch(current_user.actor, batch_id) for batch_id in form.id)
    if count:
        flash("Batch restored." if count == 1 else f"{count} batches restored.")
    else:
        flash("The selected batches no longer exist.", "problem")
    return htmx.redirect_browser(htmx.safe_target(form.back, url_for(".list_batches")))

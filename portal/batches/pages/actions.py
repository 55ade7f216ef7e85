"""What a person does to batches: moves, renames, duplicates; to one or to several at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from flask import flash, redirect, request, url_for
from flask_login import current_user, login_required
from pydantic import AfterValidator, Field
from werkzeug.wrappers import Response

from portal.batches import actions, query, transitions
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.rows import batch_view
from portal.batches.settings import BatchName
from portal.batches.transitions import BatchAction, IllegalTransition
from portal.calls import query as calls_query
from portal.models import QueueStatus
from portal.web import htmx
from portal.web.field_types import HexId
from portal.web.parameters import Parameters, parse_form, parse_query
from portal.web.rendering import render


class BulkAction(StrEnum):
    """What can be done to several batches at once."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    DELETE = "delete"


BULK_ACTION_LABELS = {
    BulkAction.START: "Start",
    BulkAction.PAUSE: "Pause",
    BulkAction.RESUME: "Resume",
    BulkAction.STOP: "Stop",
    BulkAction.DELETE: "Delete",
}
MAX_SELECTED = 100


class BulkActionForm(Parameters):
    """Which batches were picked, and what is to be done to them; `back` is where to go afterwards."""

    do: BulkAction
    id: Annotated[tuple[HexId, ...], Field(max_length=MAX_SELECTED)] = ()
    back: str = ""


class ActionForm(Parameters):
    """One move of one batch."""

    move: BatchAction


class NameForm(Parameters):
    """A batch's new name."""

    name: BatchName


class DuplicateForm(Parameters):
    """A batch's double: its name, and which contacts it gets."""

    name: BatchName
    contacts: Annotated[str, AfterValidator(lambda value: value if value == "not-reached" else "all")] = "all"


@blueprint.post("/<batch_id>/move")
@login_required
def apply_batch_action(batch_id: str) -> Response:
    """Move a batch; what the table forbids is told, and changes nothing."""
    form = parse_form(request.form, ActionForm).or_refuse()
    batch = batch_or_404(batch_id)
    try:
        if actions.change_status(current_user.actor, batch.id, form.move) is None:
            batch_or_404(batch_id)
    except IllegalTransition as refusal:
        flash(f"{refusal}. Somebody may have been quicker.", "problem")
    else:
        flash(f"The batch is {form.move.result}.")
    return htmx.redirect_browser(url_for(".show_batch", batch_id=batch.id))


# --- several at once --------------------------------------------------------------------------------------------------


@blueprint.get("/confirm")
@login_required
def confirm_bulk_action() -> Response:
    """Names what was picked and says what will become of each, before anything is done."""
    picked = parse_query(request.query_string, BulkActionForm, ignore_unknown=True).or_refuse()
    rows = query.find_rows(current_user.key, picked.id)
    back = htmx.safe_target(picked.back, url_for(".list_batches"))
    if not rows:
        flash(
            "Pick at least one batch first." if not picked.id else "What was picked is not there any more.", "problem"
        )
        return redirect(back)
    told = [(batch_view(row), reason_not_applicable(row, picked.do)) for row in rows]
    return render(
        "batches/confirm.html",
        doing=picked.do,
        word=BULK_ACTION_LABELS[picked.do],
        possible=[batch for batch, reason in told if not reason],
        refused=[(batch, reason) for batch, reason in told if reason],
        back=back,
    )


def reason_not_applicable(row: Any, doing: BulkAction) -> str:
    """Why that cannot be done to the batch now, or would change nothing; empty where it can."""
    if doing is BulkAction.DELETE:
        return ""
    status, move = QueueStatus(row.status), BatchAction(doing)
    try:
        there = transitions.target_status(status, move, has_open=calls_query.has_open_calls(current_user.key, row.id))
    except IllegalTransition as refusal:
        return str(refusal)
    return f"This batch is {status} already" if there is status else ""


@blueprint.post("/confirm")
@login_required
def apply_bulk_action() -> Response:
    """Do it, each batch in a transaction of its own, and say what was done."""
    given = {name: request.form.get(name, "") for name in ("do", "back")}
    picked = parse_form(given, BulkActionForm, {"id": request.form.getlist("id")}).or_refuse()
    done, left = [], []
    for row in query.find_rows(current_user.key, picked.id):
        try:
            if picked.do is BulkAction.DELETE:
                changed = actions.delete_batch(current_user.actor, row.id)
            else:
                changed = actions.change_status(current_user.actor, row.id, BatchAction(picked.do)) is not None
        except IllegalTransition as refusal:
            left.append(f"{row.name}: {refusal}")
        else:
            (done if changed else left).append(row.id if changed else f"{row.name}: it is not there any more")
    flash_result(picked.do, done, left)
    return htmx.redirect_browser(htmx.safe_target(picked.back, url_for(".list_batches")))


def flash_result(doing: BulkAction, done: list[str], left: list[str]) -> None:
    """Say what was done; what was deleted can be undone."""
    if done:
        word = "deleted" if doing is BulkAction.DELETE else BatchAction(doing).result
        batches = "1 batch is" if len(done) == 1 else f"{len(done)} batches are"
        flash(f"{batches} {word}.", f"undo {','.join(done)}" if doing is BulkAction.DELETE else "message")
    for words in left:
        flash(f"Left as it was. {words}.", "problem")


# --- rename, duplicate ------------------------------------------------------------------------------------------------


@blueprint.get("/<batch_id>/rename")
@login_required
def rename_form(batch_id: str) -> Response:
    """A form for another name."""
    batch = batch_or_404(batch_id)
    return render("batches/rename.html", batch=batch_view(batch), name=batch.name, problems={})


@blueprint.post("/<batch_id>/rename")
@login_required
def rename_batch(batch_id: str) -> Response:
    """Give the batch another name."""
    batch = batch_or_404(batch_id)
    reading = parse_form(request.form, NameForm)
    if reading.problems:
        name = request.form.get("name", "")
        return render("batches/rename.html", status=400, batch=batch_view(batch), name=name, problems=reading.problems)
    if not actions.rename_batch(current_user.actor, batch.id, reading.values.name):
        batch_or_404(batch_id)
    flash("The batch has its new name.")
    return htmx.redirect_browser(url_for(".show_batch", batch_id=batch.id))


@blueprint.get("/<batch_id>/duplicate")
@login_required
def duplicate_form(batch_id: str) -> Response:
    """A form for a double."""
    return show_duplicate_form(batch_or_404(batch_id), {})


def show_duplicate_form(batch: Any, problems: dict[str, str]) -> Response:
    """The form, with what was refused beside its field."""
    return render(
        "batches/duplicate.html",
        status=400 if problems else 200,
        batch=batch_view(batch),
        name=request.form.get("name", f"{batch.name} again"[:200]),
        contacts=request.form.get("contacts", "all"),
        problems=problems,
    )


@blueprint.post("/<batch_id>/duplicate")
@login_required
def duplicate_batch(batch_id: str) -> Response:
    """Make a batch with the same settings, and all contacts or those that were not reached."""
    batch = batch_or_404(batch_id)
    reading = parse_form(request.form, DuplicateForm)
    if reading.problems:
        return show_duplicate_form(batch, reading.problems)
    form = reading.values
    only = form.contacts == "not-reached"
    made = actions.duplicate_batch(current_user.actor, batch.id, form.name, only_not_reached=only)
    if made is None:
        return batch_or_404(batch_id)
    flash(f"“{form.name}” is made, with {made.calls:,} calls.")
    return htmx.redirect_browser(url_for(".show_batch", batch_id=made.id))

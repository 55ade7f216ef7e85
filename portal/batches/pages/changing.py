"""What a person does to batches: moves, renames, duplicates; to one or to several at once."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from flask import flash, redirect, request, url_for
from flask_login import current_user, login_required
from pydantic import AfterValidator, Field
from werkzeug.wrappers import Response

from portal import hypermedia
from portal.batches import actions, moves, query
from portal.batches.moves import DONE, Move, Refused
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.presenter import batch_view
from portal.batches.settings import BatchName
from portal.calls import query as calls_query
from portal.models import QueueStatus
from portal.pages import render
from portal.parameters import Parameters, read_form, read_query
from portal.web.field_types import Id


class Doing(StrEnum):
    """What can be done to several batches at once."""

    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    STOP = "stop"
    DELETE = "delete"


WORDS = {Doing.START: "Start", Doing.PAUSE: "Pause", Doing.RESUME: "Resume", Doing.STOP: "Stop", Doing.DELETE: "Delete"}
MOST_PICKED = 100


class Picked(Parameters):
    """Which batches were picked, and what is to be done to them; `back` is where to go afterwards."""

    do: Doing
    id: Annotated[tuple[Id, ...], Field(max_length=MOST_PICKED)] = ()
    back: str = ""


class MoveForm(Parameters):
    """One move of one batch."""

    move: Move


class NameForm(Parameters):
    """A batch's new name."""

    name: BatchName


class DuplicateForm(Parameters):
    """A batch's double: its name, and which contacts it gets."""

    name: BatchName
    contacts: Annotated[str, AfterValidator(lambda value: value if value == "not-reached" else "all")] = "all"


@blueprint.post("/<batch_id>/move")
@login_required
def move_batch(batch_id: str) -> Response:
    """Move a batch; what the table forbids is told, and changes nothing."""
    form = read_form(request.form, MoveForm).or_refuse()
    batch = batch_or_404(batch_id)
    try:
        if actions.move_batch(current_user.actor, batch.id, form.move) is None:
            batch_or_404(batch_id)
    except Refused as refusal:
        flash(f"{refusal}. Somebody may have been quicker.", "problem")
    else:
        flash(f"The batch is {DONE[form.move]}.")
    return hypermedia.send_to(url_for(".show_batch", batch_id=batch.id))


# --- several at once --------------------------------------------------------------------------------------------------


@blueprint.get("/confirm")
@login_required
def confirm() -> Response:
    """Names what was picked and says what will become of each, before anything is done."""
    picked = read_query(request.query_string, Picked, ignore_unknown=True).or_refuse()
    rows = query.find_rows(current_user.key, picked.id)
    back = hypermedia.safe_target(picked.back, url_for(".list_batches"))
    if not rows:
        flash(
            "Pick at least one batch first." if not picked.id else "What was picked is not there any more.", "problem"
        )
        return redirect(back)
    told = [(batch_view(row), reason_against(row, picked.do)) for row in rows]
    return render(
        "batches/confirm.html",
        doing=picked.do,
        word=WORDS[picked.do],
        possible=[batch for batch, reason in told if not reason],
        refused=[(batch, reason) for batch, reason in told if reason],
        back=back,
    )


def reason_against(row: Any, doing: Doing) -> str:
    """Why that cannot be done to the batch now, or would change nothing; empty where it can."""
    if doing is Doing.DELETE:
        return ""
    status, move = QueueStatus(row.status), Move(doing)
    try:
        there = moves.target(status, move, has_open=calls_query.has_open(current_user.key, row.id))
    except Refused as refusal:
        return str(refusal)
    return f"This batch is {status} already" if there is status else ""


@blueprint.post("/confirm")
@login_required
def confirmed() -> Response:
    """Do it, each batch in a transaction of its own, and say what was done."""
    given = {name: request.form.get(name, "") for name in ("do", "back")}
    picked = read_form(given, Picked, {"id": request.form.getlist("id")}).or_refuse()
    done, left = [], []
    for row in query.find_rows(current_user.key, picked.id):
        try:
            if picked.do is Doing.DELETE:
                changed = actions.delete_batch(current_user.actor, row.id)
            else:
                changed = actions.move_batch(current_user.actor, row.id, Move(picked.do)) is not None
        except Refused as refusal:
            left.append(f"{row.name}: {refusal}")
        else:
            (done if changed else left).append(row.id if changed else f"{row.name}: it is not there any more")
    tell(picked.do, done, left)
    return hypermedia.send_to(hypermedia.safe_target(picked.back, url_for(".list_batches")))


def tell(doing: Doing, done: list[str], left: list[str]) -> None:
    """Say what was done; what was deleted can be undone."""
    if done:
        word = "deleted" if doing is Doing.DELETE else DONE[Move(doing)]
        batches = "1 batch is" if len(done) == 1 else f"{len(done)} batches are"
        flash(f"{batches} {word}.", f"undo {','.join(done)}" if doing is Doing.DELETE else "message")
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
    reading = read_form(request.form, NameForm)
    if reading.problems:
        name = request.form.get("name", "")
        return render("batches/rename.html", status=400, batch=batch_view(batch), name=name, problems=reading.problems)
    if not actions.rename_batch(current_user.actor, batch.id, reading.values.name):
        batch_or_404(batch_id)
    flash("The batch has its new name.")
    return hypermedia.send_to(url_for(".show_batch", batch_id=batch.id))


@blueprint.get("/<batch_id>/duplicate")
@login_required
def duplicate_form(batch_id: str) -> Response:
    """A form for a double."""
    return show_duplicate(batch_or_404(batch_id), {})


def show_duplicate(batch: Any, problems: dict[str, str]) -> Response:
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
    reading = read_form(request.form, DuplicateForm)
    if reading.problems:
        return show_duplicate(batch, reading.problems)
    form = reading.values
    only = form.contacts == "not-reached"
    made = actions.duplicate_batch(current_user.actor, batch.id, form.name, only_not_reached=only)
    if made is None:
        return batch_or_404(batch_id)
    flash(f"“{form.name}” is made, with {made.calls:,} calls.")
    return hypermedia.send_to(url_for(".show_batch", batch_id=made.id))

"""Pages that change batches: start, pause, resume, stop, delete, rename and duplicate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import urlencode

from flask import flash, redirect, request, url_for
from flask_login import current_user, login_required
from pydantic import AfterValidator, Field
from werkzeug.wrappers import Response

from portal.batches import actions, query, transitions
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.rows import batch_view
from portal.batches.settings import BatchName
from portal.batches.transitions import IllegalTransition
from portal.calls import query as calls_query
from portal.models import BatchAction, QueueStatus
from portal.models.batch import NAME_LENGTH
from portal.models.labeled_enum import LabeledEnum
from portal.web import htmx
from portal.web.field_types import HexId
from portal.web.parameters import Parameters, parse_form, parse_query, truncate
from portal.web.rendering import render

MAX_SELECTED = 100
MAX_REASONS = 5  # messages travel in the session cookie, which is limited to 4 kB


class PageAction(LabeledEnum):
    """An action of the pages on one batch or several; `transition` is None for the deletion.

    `result` is the participle of the result message. An action with a `warning` asks for confirmation, on the batch's
    page as in the list, and the confirmation page shows the warning. The others act at once: one click reverts them.
    """

    icon: str
    result: str
    transition: BatchAction | None
    warning: str

    START = "start", "Start", "start", "started", BatchAction.START, ""
    PAUSE = "pause", "Pause", "pause", "paused", BatchAction.PAUSE, ""
    RESUME = "resume", "Resume", "resume", "resumed", BatchAction.RESUME, ""
    STOP = (
        "stop", "Stop", "stop", "stopped", BatchAction.STOP,
        "Pending calls stay. You can start a stopped batch again.",
    )  # fmt: skip
    DELETE = (
        "delete", "Delete", "trash", "deleted", None,
        "Deleted batches move to the trash with their calls. You can restore them there.",
    )  # fmt: skip

    @property
    def needs_confirmation(self) -> bool:
        """Return whether the action is applied only after a confirmation."""
        return bool(self.warning)

    def question(self, names: Sequence[str]) -> str:
        """Return the title of the confirmation page for the batches that the action can change."""
        if not names:
            return f"No batch can be {self.result}"
        return f"{self.label} “{names[0]}”?" if len(names) == 1 else f"{self.label} {len(names)} batches?"

    def result_message(self, count: int) -> str:
        """Return the message after the action: "Batch stopped.", "2 batches stopped."."""
        return f"Batch {self.result}." if count == 1 else f"{count} batches {self.result}."


TOOLBAR = (PageAction.START, PageAction.PAUSE, PageAction.RESUME, PageAction.STOP, PageAction.DELETE)


class ActionForm(Parameters):
    """The action, the selected batches, and the address to return to."""

    action: Annotated[PageAction, Field(alias="do")]
    id: Annotated[tuple[HexId, ...], Field(max_length=MAX_SELECTED)] = ()
    back: str = ""


class NameForm(Parameters):
    """The new name of a batch."""

    name: BatchName


class DuplicateForm(Parameters):
    """The name of the copy, and the contacts to copy: "all" or "not-reached"."""

    name: BatchName
    contacts: Annotated[str, AfterValidator(lambda value: value if value == "not-reached" else "all")] = "all"


# --- actions ----------------------------------------------------------------------------------------------------------


@blueprint.post("/act")
@login_required
def request_action() -> Response:
    """Apply an action to batches, or ask for confirmation first if the action needs it."""
    form = parse_action_form()
    if not form.action.needs_confirmation:
        return apply_action(form)
    query_string = urlencode({"do": form.action, "id": form.id, "back": form.back}, doseq=True)
    return htmx.redirect_browser(f"{url_for('.confirm_action')}?{query_string}")


@blueprint.get("/confirm")
@login_required
def confirm_action() -> Response:
    """Show which of the selected batches the action changes, and why it skips the others."""
    form = parse_query(request.query_string, ActionForm, ignore_unknown=True).or_refuse()
    rows = query.find_rows(current_user.key, form.id)
    back = htmx.safe_target(form.back, url_for(".list_batches"))
    if not rows:
        flash_nothing_selected(form)
        return redirect(back)
    checked = [(batch_view(row), reason_not_applicable(row, form.action)) for row in rows]
    applicable = [batch for batch, reason in checked if not reason]
    return render(
        "batches/confirm.html",
        action=form.action,
        question=form.action.question([batch.name for batch in applicable]),
        applicable=applicable,
        skipped=[(batch, reason) for batch, reason in checked if reason],
        back=back,
    )


@blueprint.post("/confirm")
@login_required
def apply_confirmed_action() -> Response:
    """Apply an action that the user has confirmed."""
    return apply_action(parse_action_form())


def parse_action_form() -> ActionForm:
    """Parse the form of an action. Raises InvalidParameter."""
    fields = {name: request.form.get(name, "") for name in ("do", "back")}
    return parse_form(fields, ActionForm, {"id": request.form.getlist("id")}).or_refuse()


def apply_action(form: ActionForm) -> Response:
    """Apply the action to each batch in its own transaction, report the result, and return to the page."""
    rows = query.find_rows(current_user.key, form.id)
    if not rows:
        flash_nothing_selected(form)
    changed, skipped = [], []
    for row in rows:
        try:
            if apply_to_batch(row.id, form.action):
                changed.append(row.id)
            else:
                skipped.append(f"“{truncate(row.name)}” not changed. It no longer exists.")
        except IllegalTransition as error:
            skipped.append(f"“{truncate(row.name)}” not changed. {error}.")
    flash_result(form.action, changed, skipped)
    back = htmx.safe_target(form.back, url_for(".list_batches"))
    if form.action is PageAction.DELETE and any(batch_id in back for batch_id in changed):
        back = url_for(".list_batches")  # a deleted batch has no page
    return htmx.redirect_browser(back)


def flash_nothing_selected(form: ActionForm) -> None:
    """Report that none of the batches exists, or that none was selected."""
    flash("The selected batches no longer exist." if form.id else "Select at least one batch.", "problem")


def reason_not_applicable(row: Any, action: PageAction) -> str:
    """Return why the action is not allowed or would change nothing; an empty string if it is applicable."""
    if action.transition is None:
        return ""
    status, has_open = QueueStatus(row.status), calls_query.has_open_calls(current_user.key, row.id)
    try:
        target = transitions.target_status(status, action.transition, has_open=has_open)
    except IllegalTransition as error:
        return str(error)
    return f"This batch is already {status}" if target is status else ""


def apply_to_batch(batch_id: str, action: PageAction) -> bool:
    """Apply the action to one batch and return whether it exists. Raises IllegalTransition."""
    if action.transition is None:
        return actions.delete_batch(current_user.actor, batch_id)
    return actions.change_status(current_user.actor, batch_id, action.transition) is not None


def flash_result(action: PageAction, changed: list[str], skipped: list[str]) -> None:
    """Report the changed batches, with an undo button after a deletion, and the reasons for the skipped ones."""
    if changed and action is PageAction.DELETE:
        flash({"text": action.result_message(len(changed)), "batch_ids": changed}, "undo")
    elif changed:
        flash(action.result_message(len(changed)))
    for message in skipped[:MAX_REASONS]:
        flash(message, "problem")
    if len(skipped) > MAX_REASONS:
        flash(f"{len(skipped) - MAX_REASONS} more batches not changed.", "problem")


# --- rename, duplicate ------------------------------------------------------------------------------------------------


@blueprint.get("/<batch_id>/rename")
@login_required
def rename_form(batch_id: str) -> Response:
    """Show the form to rename a batch."""
    batch = batch_or_404(batch_id)
    return render("batches/rename.html", batch=batch_view(batch), name=batch.name, problems={})


@blueprint.post("/<batch_id>/rename")
@login_required
def rename_batch(batch_id: str) -> Response:
    """Rename the batch."""
    batch = batch_or_404(batch_id)
    reading = parse_form(request.form, NameForm)
    if reading.problems:
        name = request.form.get("name", "")
        return render("batches/rename.html", batch=batch_view(batch), name=name, problems=reading.problems)
    if not actions.rename_batch(current_user.actor, batch.id, reading.values.name):
        batch_or_404(batch_id)
    flash("Batch renamed.")
    return htmx.redirect_browser(url_for(".show_batch", batch_id=batch.id))


@blueprint.get("/<batch_id>/duplicate")
@login_required
def duplicate_form(batch_id: str) -> Response:
    """Show the form to duplicate a batch."""
    return render_duplicate_form(batch_or_404(batch_id), {})


def render_duplicate_form(batch: Any, problems: dict[str, str]) -> Response:
    """Render the form with problems by field."""
    return render(
        "batches/duplicate.html",
        batch=batch_view(batch),
        name=request.form.get("name", f"{batch.name} copy"[:NAME_LENGTH]),
        contacts=request.form.get("contacts", "all"),
        problems=problems,
    )


@blueprint.post("/<batch_id>/duplicate")
@login_required
def duplicate_batch(batch_id: str) -> Response:
    """Create a batch with the same settings and with all contacts or only those without an answer."""
    batch = batch_or_404(batch_id)
    reading = parse_form(request.form, DuplicateForm)
    if reading.problems:
        return render_duplicate_form(batch, reading.problems)
    form = reading.values
    only_not_reached = form.contacts == "not-reached"
    created = actions.duplicate_batch(current_user.actor, batch.id, form.name, only_not_reached=only_not_reached)
    if created is None:
        return batch_or_404(batch_id)
    flash(f"“{form.name}” created with {created.calls:,} {'call' if created.calls == 1 else 'calls'}.")
    return htmx.redirect_browser(url_for(".show_batch", batch_id=created.id))

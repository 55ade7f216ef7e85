"""The browser's exit for contact files: sent, looked at, read in another way, and made into a batch."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal import hypermedia
from portal.batches import query as batches_query
from portal.batches.settings import kept_settings
from portal.clock import clock
from portal.contacts.check import wrong_rows
from portal.contacts.limits import BadFile
from portal.contacts.numbers import regions
from portal.contacts.texts import DELIMITERS, ENCODINGS
from portal.downloads import FileKind, download
from portal.ids import parse_id
from portal.models import Upload
from portal.pages import render
from portal.parameters import BadParameter, read, read_form
from portal.requests import takes_files
from portal.streaming import Advance, Problem, with_progress
from portal.times import UTC
from portal.uploads import actions, query
from portal.uploads.actions import File, Taken
from portal.uploads.parameters import MakeForm, ReadingForm, WrongRows, make_fields
from portal.uploads.presenter import name_of_file, upload_view
from portal.uploads.reading import Choices, Sheet, contacts_of, kept_report, open_sheet, report_of

blueprint = Blueprint("uploads", __name__, url_prefix="/batches/new")


def upload_or_404(upload_id: str) -> Upload:
    """The reader's file of that id, while no batch is made of it."""
    known = parse_id(upload_id)
    upload = query.find_upload(current_user.key, known) if known else None
    return upload if upload is not None else abort(404)


def sheet_of(upload: Upload) -> Sheet:
    """The file as it was chosen to be read."""
    return open_sheet(upload.content, upload.file_name, Choices(**upload.choices), guess=True)


@blueprint.get("")
@login_required
def send_form() -> Response:
    """Where a contact file is dropped."""
    return show_send_form()


def show_send_form(problem: str = "") -> Response:
    """The form, with what was wrong with the file."""
    return render("uploads/new.html", status=400 if problem else 200, problem=problem)


@blueprint.post("")
@login_required
@takes_files
def send() -> Any:
    """Take a file in and look at it; nothing is made of it yet."""
    sent = request.files.getlist("file")
    file = File(sent[0].filename or "", sent[0].read()) if len(sent) == 1 else File("", b"")
    owner, region = current_user.key, current_user.region

    def look(advance: Advance) -> str:
        if not file.name:
            raise Problem("Choose a file first.")
        try:
            sheet = open_sheet(file.content, file.name, Choices(region=region), guess=True)
        except BadFile as error:
            raise Problem(f"{sentence(error)}. Nothing was stored.") from error
        report = kept_report(report_of(sheet, advance))
        return url_for(".preview", upload_id=actions.keep(owner, file, sheet.choices, report))

    return with_progress(look, lambda problem: show_send_form(str(problem)))


def sentence(error: Exception) -> str:
    """What was wrong, as the beginning of a sentence."""
    words = str(error)
    return words[:1].upper() + words[1:]


@blueprint.get("/<upload_id>")
@login_required
def preview(upload_id: str) -> Response:
    """What is in the file, how it was read, and the batch that can be made of it."""
    return show_preview(upload_or_404(upload_id), {})


def show_preview(upload: Upload, problems: dict[str, str]) -> Response:
    """The preview, with what was refused beside its field."""
    same = query.sent_before(current_user.key, upload.sha256, upload.id)
    batches = {batch.key: batch for batch in batches_query.made_of(current_user.key, [one.batch_key for one in same])}
    return render(
        "uploads/preview.html",
        status=400 if problems else 200,
        upload=upload_view(upload),
        sent_before=[(one.created_at, batches[one.batch_key]) for one in same if one.batch_key in batches],
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        regions=regions(),
        form=request.form,
        problems=problems,
        name=request.form.get("batchName", name_of_file(upload.file_name)),
        zone=request.form.get("timezone", str(clock().zone)),
    )


@blueprint.post("/<upload_id>/reading")
@login_required
def read_otherwise(upload_id: str) -> Any:
    """Read the file in another encoding, with another delimiter, column or region."""
    upload = upload_or_404(upload_id)
    key, content, name = upload.key, upload.content, upload.file_name
    form = read_form(request.form, ReadingForm).or_refuse()
    here = url_for(".preview", upload_id=upload.id)

    def look(advance: Advance) -> str:
        choices = Choices(form.encoding, form.delimiter, form.column, form.region)
        try:
            sheet = open_sheet(content, name, choices, guess=True)
        except BadFile as error:
            raise Problem(f"{sentence(error)}. It is read as before.") from error
        actions.read_again(key, sheet.choices, kept_report(report_of(sheet, advance)))
        return here

    def failed(problem: Problem) -> Response:
        flash(str(problem), "problem")
        return redirect(here, 303)

    return with_progress(look, failed)


@blueprint.post("/<upload_id>")
@login_required
def make(upload_id: str) -> Any:
    """Make a batch of the file."""
    upload = upload_or_404(upload_id)
    actor, public_id = current_user.actor, upload.id
    sheet = sheet_of(upload)
    reading = read(make_fields(request.form), MakeForm, UTC, {}, sheet.region)

    def store(advance: Advance) -> str:
        try:
            form = reading.or_refuse()
        except BadParameter as wrong:
            raise Problem("Something in the form is missing or wrong.", by_field(wrong.problems)) from wrong
        contacts, wrongs = contacts_of(sheet, advance)
        if wrongs and form.wrong_rows is WrongRows.NONE:
            raise Problem("Some rows are wrong.", {"wrongRows": "mend the wrong rows, or leave them out"})
        if not contacts:
            raise Problem("No row of the file can be used.", {"wrongRows": "no row can be used"})
        try:
            made = actions.take(actor, public_id, form.batch_name, kept_settings(form), contacts, advance)
        except Taken:
            raise Problem("A batch was made of this file already, or it was discarded.") from None
        return url_for("batches.show_batch", batch_id=made.id)

    return with_progress(store, lambda problem: show_problem(upload_id, problem))


def by_field(problems: dict[str, str]) -> dict[str, str]:
    """The problems by the form's own fields, without the API's names: callingNumbers[0] belongs to callingNumbers."""
    found: dict[str, str] = {}
    for name, words in problems.items():
        field = {"callingHour.start": "start", "callingHour.end": "end"}.get(name, name.partition("[")[0])
        found.setdefault(field, words.removeprefix(name).strip())
    return found


def show_problem(upload_id: str, problem: Problem) -> Any:
    """The preview again, with what was wrong; the way on where the file has gone."""
    known = parse_id(upload_id)
    upload = query.find_upload(current_user.key, known) if known else None
    if upload is not None:
        return show_preview(upload, problem.problems or {"form": str(problem)})
    flash(str(problem), "problem")
    return redirect(url_for("batches.list_batches"), 303)


@blueprint.get("/<upload_id>/wrong.<any(csv, xlsx):kind>")
@login_required
def export_wrong(upload_id: str, kind: str) -> Response:
    """The wrong rows with their problems, to be mended and sent again."""
    upload = upload_or_404(upload_id)
    sheet = sheet_of(upload)
    rows = wrong_rows(sheet.table, sheet.column, sheet.region)
    return download(FileKind(kind), f"{name_of_file(upload.file_name)} to mend", next(rows), rows)


@blueprint.post("/<upload_id>/discard")
@login_required
def discard(upload_id: str) -> Any:
    """Forget the file."""
    known = parse_id(upload_id)
    if known:
        actions.discard(current_user.key, known)
    flash("The file is forgotten; nothing was made of it.")
    return hypermedia.send_to(url_for("batches.list_batches"))

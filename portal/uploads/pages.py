"""The browser's exit for contact files: sent, looked at, read in another way, and made into a batch."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.batches import query as batches_query
from portal.batches.settings import stored_settings
from portal.contacts.csv_text import DELIMITERS, ENCODINGS
from portal.contacts.file_limits import ContactFileError
from portal.contacts.phone_numbers import list_regions
from portal.contacts.validation import invalid_rows
from portal.ids import parse_id
from portal.models import Upload
from portal.times import UTC
from portal.uploads import actions, query
from portal.uploads.actions import UploadedFile, UploadTaken
from portal.uploads.parameters import CreateBatchForm, InvalidRowsChoice, ReadingForm, read_create_batch_fields
from portal.uploads.parsing import (
    ContactSheet,
    ReadingOptions,
    build_sheet_report,
    open_contact_sheet,
    read_contacts,
    report_to_json,
)
from portal.uploads.presenter import suggest_batch_name, upload_view
from portal.web import htmx
from portal.web.clock import request_clock
from portal.web.downloads import EXPORT_KIND_RULE, ExportKind, stream_download
from portal.web.parameters import InvalidParameter, parse_fields, parse_form
from portal.web.progress import Advance, UserError, with_progress
from portal.web.rendering import render
from portal.web.request_hooks import accept_files

blueprint = Blueprint("uploads", __name__, url_prefix="/batches/new")


def upload_or_404(upload_id: str) -> Upload:
    """The reader's file of that id, while no batch is made of it."""
    known = parse_id(upload_id)
    upload = query.find_upload(current_user.key, known) if known else None
    return upload if upload is not None else abort(404)


def open_upload(upload: Upload) -> ContactSheet:
    """The file as it was chosen to be read."""
    return open_contact_sheet(upload.content, upload.file_name, ReadingOptions(**upload.choices), guess=True)


@blueprint.get("")
@login_required
def show_upload_form() -> Response:
    """Where a contact file is dropped."""
    return render_upload_form()


def render_upload_form(problem: str = "") -> Response:
    """The form, with what was wrong with the file."""
    return render("uploads/new.html", status=400 if problem else 200, problem=problem)


@blueprint.post("")
@login_required
@accept_files
def receive_file() -> Any:
    """Take a file in and look at it; nothing is made of it yet."""
    sent = request.files.getlist("file")
    file = UploadedFile(sent[0].filename or "", sent[0].read()) if len(sent) == 1 else UploadedFile("", b"")
    owner, region = current_user.key, current_user.region

    def look(advance: Advance) -> str:
        if not file.name:
            raise UserError("Choose a file first.")
        try:
            sheet = open_contact_sheet(file.content, file.name, ReadingOptions(region=region), guess=True)
        except ContactFileError as error:
            raise UserError(f"{capitalize_reason(error)}. Nothing was stored.") from error
        report = report_to_json(build_sheet_report(sheet, advance))
        return url_for(".show_preview", upload_id=actions.store_upload(owner, file, sheet.choices, report))

    return with_progress(look, lambda problem: render_upload_form(str(problem)))


def capitalize_reason(error: Exception) -> str:
    """What was wrong, as the beginning of a sentence."""
    words = str(error)
    return words[:1].upper() + words[1:]


@blueprint.get("/<upload_id>")
@login_required
def show_preview(upload_id: str) -> Response:
    """What is in the file, how it was read, and the batch that can be made of it."""
    return render_preview(upload_or_404(upload_id), {})


def render_preview(upload: Upload, problems: dict[str, str]) -> Response:
    """The preview, with what was refused beside its field."""
    same = query.find_earlier_uploads(current_user.key, upload.sha256, upload.id)
    batches = {
        batch.key: batch for batch in batches_query.find_names(current_user.key, [one.batch_key for one in same])
    }
    return render(
        "uploads/preview.html",
        status=400 if problems else 200,
        upload=upload_view(upload),
        sent_before=[(one.created_at, batches[one.batch_key]) for one in same if one.batch_key in batches],
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        regions=list_regions(),
        form=request.form,
        problems=problems,
        name=request.form.get("batchName", suggest_batch_name(upload.file_name)),
        zone=request.form.get("timezone", str(request_clock().zone)),
    )


@blueprint.post("/<upload_id>/reading")
@login_required
def change_reading(upload_id: str) -> Any:
    """Read the file in another encoding, with another delimiter, column or region."""
    upload = upload_or_404(upload_id)
    key, content, name = upload.key, upload.content, upload.file_name
    form = parse_form(request.form, ReadingForm).or_refuse()
    here = url_for(".show_preview", upload_id=upload.id)

    def look(advance: Advance) -> str:
        choices = ReadingOptions(form.encoding, form.delimiter, form.column, form.region)
        try:
            sheet = open_contact_sheet(content, name, choices, guess=True)
        except ContactFileError as error:
            raise UserError(f"{capitalize_reason(error)}. It is read as before.") from error
        actions.update_reading(key, sheet.choices, report_to_json(build_sheet_report(sheet, advance)))
        return here

    def failed(problem: UserError) -> Response:
        flash(str(problem), "problem")
        return redirect(here, 303)

    return with_progress(look, failed)


@blueprint.post("/<upload_id>")
@login_required
def create_batch(upload_id: str) -> Any:
    """Make a batch of the file."""
    upload = upload_or_404(upload_id)
    actor, public_id = current_user.actor, upload.id
    sheet = open_upload(upload)
    reading = parse_fields(read_create_batch_fields(request.form), CreateBatchForm, UTC, {}, sheet.region)

    def store(advance: Advance) -> str:
        try:
            form = reading.or_refuse()
        except InvalidParameter as wrong:
            raise UserError("Something in the form is missing or wrong.", problems_by_field(wrong.problems)) from wrong
        contacts, wrongs = read_contacts(sheet, advance)
        if wrongs and form.wrong_rows is InvalidRowsChoice.NONE:
            raise UserError("Some rows are wrong.", {"wrongRows": "mend the wrong rows, or leave them out"})
        if not contacts:
            raise UserError("No row of the file can be used.", {"wrongRows": "no row can be used"})
        try:
            made = actions.create_batch_from_upload(
                actor, public_id, form.batch_name, stored_settings(form), contacts, advance
            )
        except UploadTaken:
            raise UserError("A batch was made of this file already, or it was discarded.") from None
        return url_for("batches.show_batch", batch_id=made.id)

    return with_progress(store, lambda problem: render_problem(upload_id, problem))


def problems_by_field(problems: dict[str, str]) -> dict[str, str]:
    """The problems by the form's own fields, without the API's names: callingNumbers[0] belongs to callingNumbers."""
    found: dict[str, str] = {}
    for name, words in problems.items():
        field = {"callingHour.start": "start", "callingHour.end": "end"}.get(name, name.partition("[")[0])
        found.setdefault(field, words.removeprefix(name).strip())
    return found


def render_problem(upload_id: str, problem: UserError) -> Any:
    """The preview again, with what was wrong; the way on where the file has gone."""
    known = parse_id(upload_id)
    upload = query.find_upload(current_user.key, known) if known else None
    if upload is not None:
        return render_preview(upload, problem.problems or {"form": str(problem)})
    flash(str(problem), "problem")
    return redirect(url_for("batches.list_batches"), 303)


@blueprint.get(f"/<upload_id>/wrong.{EXPORT_KIND_RULE}")
@login_required
def export_invalid_rows(upload_id: str, kind: str) -> Response:
    """The wrong rows with their problems, to be mended and sent again."""
    upload = upload_or_404(upload_id)
    sheet = open_upload(upload)
    rows = invalid_rows(sheet.table, sheet.column, sheet.region)
    return stream_download(ExportKind(kind), f"{suggest_batch_name(upload.file_name)} to mend", next(rows), rows)


@blueprint.post("/<upload_id>/discard")
@login_required
def discard_upload(upload_id: str) -> Any:
    """Forget the file."""
    known = parse_id(upload_id)
    if known:
        actions.discard_upload(current_user.key, known)
    flash("The file is forgotten; nothing was made of it.")
    return htmx.redirect_browser(url_for("batches.list_batches"))

"""The pages for contact files: upload, preview, change the reading options, create a batch."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from flask import Blueprint, abort, flash, redirect, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.accounts.current_user import current_actor
from portal.audit.account_log import log_export
from portal.batches import query as batches_query
from portal.batches.settings import SETTING_DEFAULTS, stored_settings
from portal.batches.settings_form import problems_by_field, settings_form
from portal.contacts.csv_text import DELIMITERS
from portal.contacts.encodings import ENCODINGS
from portal.contacts.file_limits import ContactFileError
from portal.contacts.validation import invalid_rows
from portal.ids import parse_id
from portal.limits import file_slots
from portal.models import Upload
from portal.times import UTC
from portal.trunks import query as trunks_query
from portal.trunks.presenter import caller_number_view
from portal.uploads import actions, query
from portal.uploads.actions import UploadedFile, UploadTaken
from portal.uploads.parameters import (
    HIDDEN_LABELS,
    WITH_COUNTRY_CODE,
    CreateBatchForm,
    InvalidRowsChoice,
    read_create_batch_fields,
    read_reading_choices,
)
from portal.uploads.parsing import ContactSheet, ReadingOptions, open_contact_sheet, read_contacts
from portal.uploads.presenter import suggest_batch_name, upload_view
from portal.uploads.stored_reports import check_sheet, load_reading
from portal.uploads.suppressed import leave_out_suppressed
from portal.web import htmx
from portal.web.clock import request_clock
from portal.web.export_kinds import EXPORT_KIND_RULE, ExportKind, stream_download
from portal.web.parameters import InvalidParameter, parse_fields
from portal.web.progress import Advance, UserError, with_progress
from portal.web.rendering import render
from portal.web.request_hooks import accept_files
from portal.web.spreadsheets import Cell

blueprint = Blueprint("uploads", __name__, url_prefix="/batches/new")


def upload_or_404(upload_id: str) -> Upload:
    """Return the user's upload if no batch was created from it yet; otherwise abort with 404."""
    return find_upload(upload_id) or abort(404)


def find_upload(upload_id: str) -> Upload | None:
    """Return the user's upload if no batch was created from it yet."""
    parsed = parse_id(upload_id)
    return query.find_upload(current_user.key, parsed) if parsed else None


def open_upload(upload: Upload) -> ContactSheet:
    """Open the file with its reading options."""
    options = ReadingOptions(**upload.choices)
    return open_contact_sheet(upload.content, upload.file_name, options, drop_missing_columns=True)


@blueprint.get("")
@login_required
def show_upload_form() -> Response:
    """Show the form that uploads a contact file."""
    return render_upload_form()


def render_upload_form(problem: str = "") -> Response:
    """Render the form, with a problem of the file."""
    return render("uploads/new.html", status=400 if problem else 200, problem=problem)


@blueprint.post("")
@login_required
@accept_files
def receive_file() -> Any:
    """Check and store a file; no batch is created yet."""
    files = request.files.getlist("file")
    file = UploadedFile(files[0].filename or "", files[0].read()) if len(files) == 1 else UploadedFile("", b"")
    owner, region = current_user.key, current_user.region

    def check(advance: Advance) -> str:
        if not file.name:
            raise UserError("Choose a file.")
        try:
            sheet = open_contact_sheet(file.content, file.name, ReadingOptions(region=region))
        except ContactFileError as error:
            raise UserError(f"{capitalize_reason(error)}. The file was not stored.") from error
        return url_for(
            ".show_preview", upload_id=actions.store_upload(owner, file, *check_sheet(sheet, owner, advance))
        )

    return with_progress(check, lambda problem: render_upload_form(str(problem)))


def capitalize_reason(error: Exception) -> str:
    """Return the message of an error as the beginning of a sentence."""
    message = str(error)
    return message[:1].upper() + message[1:]


@blueprint.get("/<upload_id>")
@login_required
def show_preview(upload_id: str) -> Response:
    """Show the content of the file, the reading options, and the form that creates a batch."""
    return render_preview(upload_or_404(upload_id), {})


def render_preview(upload: Upload, problems: dict[str, str]) -> Response:
    """Render the preview, with problems beside their fields."""
    earlier = query.find_earlier_uploads(current_user.key, upload.sha256, upload.id)
    names = batches_query.find_names(current_user.key, [other.batch_key for other in earlier])
    batches = {batch.key: batch for batch in names}
    view = upload_view(upload)
    numbers = trunks_query.list_caller_numbers(current_user.key)
    caller_numbers = [caller_number_view(row, current_user.region) for row in numbers]
    defaults = SETTING_DEFAULTS | {
        "callingNumbers": [number.number for number in caller_numbers] if len(caller_numbers) == 1 else [],
        "timezone": str(request_clock().zone),
        "enableDNC": view.report.on_other_lists > 0,
    }
    return render(
        "uploads/preview.html",
        upload=view,
        sent_before=[(other.created_at, batches[other.batch_key]) for other in earlier if other.batch_key in batches],
        encodings=ENCODINGS,
        delimiters=DELIMITERS,
        invalid_rows_choices=tuple(InvalidRowsChoice),
        with_country_code=WITH_COUNTRY_CODE,
        hidden_labels=HIDDEN_LABELS,
        wrong_rows=request.form.get("wrongRows", ""),
        problems=problems,
        form=settings_form(suggest_batch_name(upload.file_name), defaults, request.form, problems, caller_numbers),
    )


@blueprint.post("/<upload_id>/reading")
@login_required
def change_reading(upload_id: str) -> Any:
    """Change how the file is read."""
    upload = upload_or_404(upload_id)
    key, owner, content, name = upload.key, upload.owner_key, upload.content, upload.file_name
    reading = load_reading(upload.report, upload.choices)
    options = reading.choose(ReadingOptions(**upload.choices), read_reading_choices(request.form))
    preview = url_for(".show_preview", upload_id=upload.id)

    def check(advance: Advance) -> str:
        try:
            sheet = open_contact_sheet(content, name, options, drop_missing_columns=True)
        except ContactFileError as error:
            raise UserError(f"{capitalize_reason(error)}. The previous options still apply.") from error
        actions.update_reading(key, *check_sheet(sheet, owner, advance))
        return preview

    def show_problem(problem: UserError) -> Response:
        flash(str(problem), "problem")
        return redirect(preview, 303)

    return with_progress(check, show_problem)


@blueprint.post("/<upload_id>")
@login_required
def create_batch(upload_id: str) -> Any:
    """Create a batch from the file."""
    upload = upload_or_404(upload_id)
    actor, public_id = current_user.actor, upload.id
    region, open_sheet = upload.choices["region"], partial(open_upload, upload)
    parsed = parse_fields(read_create_batch_fields(request.form), CreateBatchForm, UTC, {}, region)

    def store(advance: Advance) -> str:
        try:
            form = parsed.or_refuse()
        except InvalidParameter as error:
            raise UserError("Correct the marked fields.", problems_by_field(error.problems)) from error
        sheet = open_sheet()
        if sheet.detected.columns is None:
            raise UserError("Choose the phone number column first.")
        contacts, report = read_contacts(sheet, advance)
        if report.invalid_rows and form.invalid_rows is InvalidRowsChoice.NONE:
            raise UserError(
                "Some rows are invalid.", {"wrongRows": "correct the file and upload it again, or skip invalid rows"}
            )
        if not contacts:
            raise UserError("The file has no valid rows.", {"wrongRows": "no row is valid"})
        contacts = leave_out_suppressed(actor.user_key, contacts, report, every_list=form.enable_dnc)
        if not contacts:
            raise UserError("All numbers of the file are on a do-not-call list.")
        try:
            batch = actions.create_batch_from_upload(
                actor, public_id, form.batch_name, stored_settings(form), contacts, advance
            )
        except UploadTaken:
            raise UserError("This file was already used for a batch, or it was discarded.") from None
        except InvalidParameter as error:
            raise UserError("Correct the marked fields.", problems_by_field(error.problems)) from error
        return url_for("batches.show_batch", batch_id=batch.id)

    return with_progress(store, lambda problem: render_problem(upload_id, problem))


def render_problem(upload_id: str, problem: UserError) -> Any:
    """Render the preview with a problem, or redirect to the list if the file is gone."""
    upload = find_upload(upload_id)
    if upload is not None:
        return render_preview(upload, problem.problems or {"form": str(problem)})
    flash(str(problem), "problem")
    return redirect(url_for("batches.list_batches"), 303)


@blueprint.get(f"/<upload_id>/wrong.{EXPORT_KIND_RULE}")
@login_required
def export_invalid_rows(upload_id: str, kind: str) -> Response:
    """Export the invalid rows with their problems, to correct and upload again."""
    upload = upload_or_404(upload_id)
    view = upload_view(upload)
    if view.needs_column:
        abort(404)
    details = {"kind": "invalid rows", "rows": view.report.invalid_rows}
    title, rows = f"{suggest_batch_name(upload.file_name)} invalid rows", read_invalid_rows(upload)
    header = next(rows)
    log_export(current_actor(), details)
    return stream_download(ExportKind(kind), title, header, rows)


def read_invalid_rows(upload: Upload) -> Iterator[Sequence[Cell]]:
    """Iterate over the header and the invalid rows of a file. Raises NoFileSlot before the first one."""
    with file_slots.reserve(current_user.key):
        sheet = open_upload(upload)
        yield from invalid_rows(sheet.table, sheet.columns)


@blueprint.post("/<upload_id>/discard")
@login_required
def discard_upload(upload_id: str) -> Any:
    """Delete the file."""
    if parsed := parse_id(upload_id):
        actions.discard_upload(current_user.key, parsed)
    flash("File discarded.")
    return htmx.redirect_browser(url_for("batches.list_batches"))

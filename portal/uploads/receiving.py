"""Receive a contact file in the API: check the form, and read the file by the options in it."""

from __future__ import annotations

from typing import Any, TypeVar

from flask import current_app, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from portal.accounts.bearer import authenticate, check_request_ids
from portal.accounts.query import Caller
from portal.contacts.file_limits import ContactFileError
from portal.contacts.file_report import Contact, FileReport
from portal.idempotency.actions import KeyedRequest
from portal.idempotency.api import begin_keyed_request
from portal.limits import file_slots
from portal.limits.request_sizes import MAX_FORM_FIELDS
from portal.models import Scope
from portal.uploads.actions import UploadedFile
from portal.uploads.parameters import ReadingFields, read_upload_fields
from portal.uploads.parsing import ReadingOptions, open_contact_sheet, read_contacts
from portal.uploads.presenter import (
    MAX_REPORTED,
    explain_no_contacts,
    invalid_rows_json,
    reading_json,
    summarize_invalid_rows,
)
from portal.uploads.reading import describe_sheet
from portal.web.client_connection import stop_if_client_gone
from portal.web.errors import ApiError
from portal.web.json_body import read_body, refuse_compressed_body

Fields = TypeVar("Fields", bound=ReadingFields)

MAX_JSON_FIELD = 100_000  # bytes
NOT_IMPORTED = "file cannot be imported: "


def receive_file(model: type[Fields]) -> tuple[Caller, Fields, UploadedFile, KeyedRequest | None]:
    """Return the caller, the fields and the file of a multipart form, and the request with its Idempotency-Key, if any.

    Raises ApiError 401, 415, 413, 400 and 403 in the order of the contract.
    """
    caller = authenticate()
    if request.mimetype != "multipart/form-data":
        check_request_ids(caller, Scope.WRITE, {})
        raise ApiError(415, "The content type must be multipart/form-data")
    try:
        user_id = request.form.get("userId")
    except HTTPException as error:
        check_request_ids(caller, Scope.WRITE, {})
        max_bytes = current_app.config["UPLOAD_BYTES"]
        message = f"The file must be at most {max_bytes:,} bytes, and the form at most {MAX_FORM_FIELDS:,} fields"
        raise ApiError(413, message) from error
    check_request_ids(caller, Scope.WRITE, {"userId": user_id} if user_id else {})
    refuse_compressed_body()
    if not request.form and not request.files:  # the form parser discards a form that it cannot parse
        raise ApiError(400, "The form cannot be parsed; names of fields and files must be UTF-8")
    form, file = read_form()
    keyed = begin_keyed_request(caller, [form.to_dict(flat=False), file and (file.name, file.sha256)])
    given = read_upload_fields(form) | ({"file": file} if file else {})
    fields = read_body(given, model, caller.region)
    if file is None:
        raise ApiError(400, "file must be a file, not text")
    return caller, fields, file, keyed


def read_form() -> tuple[MultiDict[str, str], UploadedFile | None]:
    """Return the fields and the file of the form. Raises ApiError 400.

    Some clients send an object or a list as a file of JSON; it is a field like the others.
    """
    form, files = MultiDict(request.form), request.files.getlist("file")
    others = [(name, part) for name, part in request.files.items(multi=True) if name != "file"]
    if len(files) > 1 or any(part.mimetype != "application/json" for _, part in others):
        raise ApiError(400, "Send exactly one file, in the field file")
    for name, part in others:
        form.add(name, part.read(MAX_JSON_FIELD).decode(errors="replace"))
    return form, UploadedFile(files[0].filename or "", files[0].read()) if files else None


def read_file(
    caller: Caller, fields: ReadingFields, file: UploadedFile, *, skip_invalid: bool
) -> tuple[list[Contact], FileReport, dict[str, Any]]:
    """Return the contacts of a file, the report, and how it was read. Raises ApiError 400, and 422 for invalid rows."""
    try:
        with file_slots.reserve(caller.actor.user_key):
            options = ReadingOptions(**{"region": caller.region} | fields.reading_choices())
            sheet = open_contact_sheet(file.content, file.name, options)
            contacts, report = read_contacts(sheet, stop_if_client_gone, MAX_REPORTED)
    except ContactFileError as error:
        message = str(error) if error.field and str(error).startswith(error.field) else f"{NOT_IMPORTED}{error}"
        raise ApiError(400, message) from error
    read = reading_json(describe_sheet(sheet), report)
    if report.invalid_rows and not (skip_invalid and contacts):
        raise ApiError(422, summarize_invalid_rows(report), invalid_rows_json(report, read))
    if not contacts:
        raise ApiError(400, f"{NOT_IMPORTED}{explain_no_contacts(report)}")
    return contacts, report, read

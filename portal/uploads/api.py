"""The API of contact files: create a batch from an upload (contract, section 5)."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from werkzeug.datastructures import MultiDict
from werkzeug.exceptions import HTTPException

from portal.accounts.bearer import authenticate, check_request_ids
from portal.accounts.query import Caller
from portal.api.openapi import INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.api.schema import PHONE_NUMBER, USER_ID
from portal.batches.settings import NAME_EXAMPLE, stored_settings
from portal.contacts.file_limits import ContactFileError
from portal.idempotency.actions import KeyedRequest
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.limits import file_slots
from portal.limits.request_sizes import MAX_FORM_FIELDS
from portal.models import Scope
from portal.uploads import actions
from portal.uploads.actions import UploadedFile
from portal.uploads.parameters import FILE_EXAMPLE, UploadFields, read_upload_fields
from portal.uploads.parsing import ReadingOptions, open_contact_sheet, read_contacts
from portal.uploads.presenter import (
    MAX_REPORTED,
    explain_no_contacts,
    invalid_rows_json,
    reading_json,
    summarize_invalid_rows,
    uploaded_batch_json,
)
from portal.uploads.reading import describe_sheet
from portal.uploads.schema import InvalidRowsBody, UploadedBody
from portal.web.client_connection import stop_if_client_gone
from portal.web.envelope import success_flag_response
from portal.web.errors import ApiError
from portal.web.json_body import read_body, refuse_compressed_body
from portal.web.request_hooks import accept_files

blueprint = Blueprint("uploads_api", __name__, url_prefix="/api/call")

MAX_JSON_FIELD = 100_000  # bytes
NOT_IMPORTED = "file cannot be imported: "

UPLOAD = Operation(
    summary="Upload a contact file",
    description="Create a batch from a .csv, .tsv, .txt, .xls or .xlsx file. The sheet, header row, encoding, delimiter"
    " and phone number column are detected, unless they are given; the answer says how the file was read. If no column"
    " seems to hold phone numbers, the answer is 400 and names the columns found. Other columns are stored with each"
    " call; of rows with the same number only the first is used. If rows are invalid, the answer is 422 and nothing is"
    " stored; with type=true they are skipped and counted.",
    scope=Scope.WRITE,
    body=UploadFields,
    form=True,
    takes_key=True,
    successes={200: SuccessAnswer("The batch.", UploadedBody)},
    errors=INVALID_BODY_ERRORS
    | {
        422: (
            InvalidRowsBody,
            "The file has invalid rows and nothing was stored, or the Idempotency-Key was used for another request.",
            "file has invalid rows: 1. First: row 3, phoneNumber has no country code",
        )
    },
    example={
        "file": FILE_EXAMPLE,
        "userId": USER_ID,
        "batchName": NAME_EXAMPLE,
        "callingNumbers": [PHONE_NUMBER],
        "timezone": "America/New_York",
        "callingHour": {"start": "09:00", "end": "17:00"},
        "allowedDays": [1, 2, 3, 4, 5],
        "phoneColumn": "phoneNumber",
        "type": True,
    },
)


@blueprint.post("/upload")
@document_operation(UPLOAD)
@accept_files
def upload() -> Response:
    """Create a batch from a file."""
    credentials = authenticate()
    if request.mimetype != "multipart/form-data":
        check_request_ids(credentials, Scope.WRITE, {})
        raise ApiError(415, "The content type must be multipart/form-data")
    try:
        user_id = request.form.get("userId")
    except HTTPException as error:
        check_request_ids(credentials, Scope.WRITE, {})
        max_bytes = current_app.config["UPLOAD_BYTES"]
        message = f"The file must be at most {max_bytes:,} bytes, and the form at most {MAX_FORM_FIELDS:,} fields"
        raise ApiError(413, message) from error
    check_request_ids(credentials, Scope.WRITE, {"userId": user_id} if user_id else {})
    refuse_compressed_body()
    if not request.form and not request.files:  # the form parser discards a form that it cannot parse
        raise ApiError(400, "The form cannot be parsed; names of fields and files must be UTF-8")
    form, file = read_form()
    keyed = begin_keyed_request(credentials, [form.to_dict(flat=False), file and (file.name, file.sha256)])
    given = read_upload_fields(form) | ({"file": file} if file else {})
    fields = read_body(given, UploadFields, credentials.region)
    if file is None:
        raise ApiError(400, "file must be a file, not text")
    return create_from_file(credentials, fields, file, keyed)


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


def create_from_file(caller: Caller, fields: UploadFields, file: UploadedFile, keyed: KeyedRequest | None) -> Response:
    """Create the batch. Raises ApiError 400 and 422."""
    try:
        with file_slots.reserve(caller.actor.user_key):
            options = ReadingOptions(**{"region": caller.region} | fields.reading_choices())
            sheet = open_contact_sheet(file.content, file.name, options)
            contacts, report = read_contacts(sheet, stop_if_client_gone, MAX_REPORTED)
    except ContactFileError as error:
        message = str(error) if error.field and str(error).startswith(error.field) else f"{NOT_IMPORTED}{error}"
        raise ApiError(400, message) from error
    read = reading_json(describe_sheet(sheet), report)
    if report.invalid_rows and not (fields.type and contacts):
        raise ApiError(422, summarize_invalid_rows(report), invalid_rows_json(report, read))
    if not contacts:
        raise ApiError(400, f"{NOT_IMPORTED}{explain_no_contacts(report)}")
    settings = stored_settings(fields)

    def create() -> Response:
        batch = actions.create_batch_from_file(
            caller.actor, file, fields.batch_name, settings, contacts, stop_if_client_gone
        )
        batch_json = uploaded_batch_json(batch.id, fields.batch_name, settings, batch.calls)
        left_out = {"leftOut": report.invalid_rows} if fields.type else {}
        return success_flag_response(batch=batch_json, skipped=report.skipped, read=read, **left_out)

    return answer_once(keyed, create)

"""The API of contact files: create a batch from an upload (contract, section 5)."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from portal.accounts.bearer import authenticate, check_request_ids
from portal.accounts.query import Caller
from portal.api.openapi import INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.batches.settings import stored_settings
from portal.contacts.file_limits import ContactFileError
from portal.idempotency.actions import KeyedRequest
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.limits import file_slots
from portal.limits.request_sizes import MAX_FORM_FIELDS
from portal.models import Scope
from portal.uploads import actions
from portal.uploads.actions import UploadedFile
from portal.uploads.parameters import UploadFields, read_upload_fields
from portal.uploads.parsing import ReadingOptions, open_contact_sheet, read_contacts
from portal.uploads.presenter import invalid_cells_json, uploaded_batch_json
from portal.uploads.schema import InvalidRowsBody, UploadedBody
from portal.web.client_connection import stop_if_client_gone
from portal.web.envelope import success_flag_response
from portal.web.errors import ApiError
from portal.web.json_body import read_body, refuse_compressed_body
from portal.web.request_hooks import accept_files

blueprint = Blueprint("uploads_api", __name__, url_prefix="/api/call")

UPLOAD = Operation(
    summary="Upload a contact file",
    description="Create a batch from the first sheet of a .csv, .xls or .xlsx file. It needs a phoneNumber column."
    " Other columns are stored with each call; of rows with the same number only the first is used. If rows are"
    " invalid, the answer is 422 and nothing is stored; with type=true they are skipped and counted.",
    scope=Scope.WRITE,
    body=UploadFields,
    form=True,
    takes_key=True,
    successes={200: SuccessAnswer("The batch.", UploadedBody)},
    errors=INVALID_BODY_ERRORS | {422: (InvalidRowsBody, "The file has invalid rows; nothing was stored.")},
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
    files = request.files.getlist("file")
    if len(files) > 1 or set(request.files) - {"file"}:
        raise ApiError(400, "Send exactly one file, in the field file")
    file = UploadedFile(files[0].filename or "", files[0].read()) if files else None
    form = {name: request.form.getlist(name) for name in request.form}
    keyed = begin_keyed_request(credentials, [form, file and (file.name, file.sha256)])
    given = read_upload_fields(request.form) | ({"file": files[0]} if files else {})
    fields = read_body(given, UploadFields, credentials.region)
    if file is None:
        raise ApiError(400, "file must be a file, not text")
    return create_from_file(credentials, fields, file, keyed)


def create_from_file(caller: Caller, fields: UploadFields, file: UploadedFile, keyed: KeyedRequest | None) -> Response:
    """Create the batch. Raises ApiError 400 and 422."""
    try:
        with file_slots.reserve(caller.actor.user_key):
            sheet = open_contact_sheet(file.content, file.name, ReadingOptions(region=caller.region))
            contacts, invalid_cells = read_contacts(sheet, stop_if_client_gone)
    except ContactFileError as error:
        raise ApiError(400, f"file cannot be imported: {error}") from error
    invalid_rows = len({cell.row for cell in invalid_cells})
    if invalid_cells and not (fields.type and contacts):
        first = invalid_cells[0]
        message = f"file has invalid rows: {invalid_rows:,}. First: row {first.row}, {first.column} {first.reason}"
        raise ApiError(422, message, invalid_cells_json(invalid_cells, invalid_rows))
    if not contacts:
        raise ApiError(400, "file cannot be imported: it has no rows below the header")
    settings = stored_settings(fields)

    def create() -> Response:
        batch = actions.create_batch_from_file(
            caller.actor, file, fields.batch_name, settings, contacts, stop_if_client_gone
        )
        batch_json = uploaded_batch_json(batch.id, fields.batch_name, settings, batch.calls)
        return success_flag_response(batch=batch_json, **({"leftOut": invalid_rows} if fields.type else {}))

    return answer_once(keyed, create)

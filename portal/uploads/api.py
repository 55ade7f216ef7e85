"""The JSON exit for contact files: upload (contract, section 5)."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from portal.accounts.bearer import authenticate, check_request_ids
from portal.accounts.query import Caller
from portal.api.openapi import INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.batches.settings import stored_settings
from portal.contacts.file_limits import ContactFileError
from portal.models import Scope
from portal.uploads import actions
from portal.uploads.actions import UploadedFile
from portal.uploads.parameters import UploadFields, read_upload_fields
from portal.uploads.parsing import ReadingOptions, open_contact_sheet, read_contacts
from portal.uploads.presenter import invalid_cells_json, uploaded_batch_json
from portal.uploads.schema import InvalidRowsBody, UploadedBody
from portal.web.envelope import success_flag_response
from portal.web.errors import ApiError
from portal.web.json_body import read_body
from portal.web.request_hooks import accept_files

blueprint = Blueprint("uploads_api", __name__, url_prefix="/api/call")

UPLOAD = Operation(
    summary="Upload a contact file",
    description="A batch of a .csv, .xls or .xlsx file: its first sheet, a header row, a column phoneNumber. Other"
    " columns are kept with each call; of rows with the same number the first is kept. Invalid rows: 422, and"
    " nothing is stored; with type=true they are left out, and counted.",
    scope=Scope.WRITE,
    body=UploadFields,
    form=True,
    successes={200: SuccessAnswer("The batch.", UploadedBody)},
    errors=INVALID_BODY_ERRORS | {422: (InvalidRowsBody, "Rows that cannot be used; nothing was stored.")},
)


@blueprint.post("/upload")
@document_operation(UPLOAD)
@accept_files
def upload() -> Response:
    """Make a batch of a file."""
    found = authenticate()
    if request.mimetype != "multipart/form-data":
        check_request_ids(found, Scope.WRITE, {})
        raise ApiError(415, "The content type must be multipart/form-data")
    try:
        sent_user = request.form.get("userId")
    except HTTPException as error:
        check_request_ids(found, Scope.WRITE, {})
        raise ApiError(413, f"The file must be at most {current_app.config['UPLOAD_BYTES']:,} bytes") from error
    check_request_ids(found, Scope.WRITE, {"userId": sent_user} if sent_user else {})
    if not request.form and not request.files:  # the parser gives up in silence, and what it had read is gone
        raise ApiError(400, "The body is not a form that can be read; names of fields and files must be UTF-8")
    sent = request.files.getlist("file")
    if len(sent) > 1 or set(request.files) - {"file"}:
        raise ApiError(400, "file must be sent once, and no other file")
    given = read_upload_fields(request.form) | ({"file": sent[0]} if sent else {})
    asked = read_body(given, UploadFields, found.region)
    if not sent:
        raise ApiError(400, "file must be a file, not a text")
    return create_from_file(found, asked, UploadedFile(sent[0].filename or "", sent[0].read()))


def create_from_file(who: Caller, asked: UploadFields, file: UploadedFile) -> Response:
    """The batch of the file. Raises ApiError 400 and 422."""
    try:
        sheet = open_contact_sheet(file.content, file.name, ReadingOptions(region=who.region))
        contacts, wrongs = read_contacts(sheet, lambda *_: None)
    except ContactFileError as error:
        raise ApiError(400, f"file cannot be taken: {error}") from error
    wrong_rows = len({wrong.row for wrong in wrongs})
    if wrongs and not (asked.type and contacts):
        first = f"row {wrongs[0].row}: {wrongs[0].column} {wrongs[0].reason}"
        says = f"file has rows that cannot be used: {wrong_rows:,}, the first in {first}"
        raise ApiError(422, says, invalid_cells_json(wrongs, wrong_rows))
    if not contacts:
        raise ApiError(400, "file cannot be taken: there is no row below its header")
    settings = stored_settings(asked)
    batch = actions.create_batch_from_file(who.actor, file, asked.batch_name, settings, contacts)
    batch_json = uploaded_batch_json(batch.id, asked.batch_name, settings, batch.calls)
    return success_flag_response(batch=batch_json, **({"leftOut": wrong_rows} if asked.type else {}))

"""The JSON exit for contact files: upload (contract, section 5)."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, request
from werkzeug.exceptions import HTTPException

from portal.accounts.bearer import admit, bearer
from portal.accounts.query import Caller
from portal.batches.settings import kept_settings
from portal.bodies import read_body
from portal.contacts.limits import BadFile
from portal.errors import ApiError
from portal.models import Scope
from portal.openapi import BAD_BODY, Operation, Success, described
from portal.requests import takes_files
from portal.uploads import actions
from portal.uploads.actions import File
from portal.uploads.parameters import ApiUpload, form_fields
from portal.uploads.presenter import uploaded_json, wrong_cells_json
from portal.uploads.reading import Choices, contacts_of, open_sheet
from portal.uploads.schema import UploadedBody, WrongRowsBody

blueprint = Blueprint("uploads_api", __name__, url_prefix="/api/call")

UPLOAD = Operation(
    summary="Upload a contact file",
    words="A batch of a .csv, .xls or .xlsx file: its first sheet, a header row, a column phoneNumber. Other columns"
    " are kept with each call; of rows with the same number the first is kept. Rows that cannot be used: 422, and"
    " nothing is stored; with type=true they are left out, and counted.",
    scope=Scope.WRITE,
    body=ApiUpload,
    form=True,
    successes={200: Success("The batch.", UploadedBody)},
    errors=BAD_BODY | {422: (WrongRowsBody, "Rows that cannot be used; nothing was stored.")},
)


@blueprint.post("/upload")
@described(UPLOAD)
@takes_files
def upload() -> Response:
    """Make a batch of a file."""
    found = bearer()
    if request.mimetype != "multipart/form-data":
        admit(found, Scope.WRITE, {})
        raise ApiError(415, "The content type must be multipart/form-data")
    try:
        sent_user = request.form.get("userId")
    except HTTPException as error:
        admit(found, Scope.WRITE, {})
        raise ApiError(413, f"The file must hold at most {current_app.config['UPLOAD_BYTES']:,} bytes") from error
    admit(found, Scope.WRITE, {"userId": sent_user} if sent_user else {})
    if not request.form and not request.files:  # the parser gives up in silence, and what it had read is gone
        raise ApiError(400, "The body is not a form that can be read; names of fields and files must be UTF-8")
    sent = request.files.getlist("file")
    if len(sent) > 1 or set(request.files) - {"file"}:
        raise ApiError(400, "file must be sent once, and no other file")
    given = form_fields(request.form) | ({"file": sent[0]} if sent else {})
    asked = read_body(given, ApiUpload, found.region)
    if not sent:
        raise ApiError(400, "file must be a file, not a text")
    return made(found, asked, File(sent[0].filename or "", sent[0].read()))


def made(who: Caller, asked: ApiUpload, file: File) -> Response:
    """The batch of the file. Raises ApiError 400 and 422."""
    try:
        sheet = open_sheet(file.content, file.name, Choices(region=who.region))
        contacts, wrongs = contacts_of(sheet, lambda *_: None)
    except BadFile as error:
        raise ApiError(400, f"file cannot be taken: {error}") from error
    wrong_rows = len({wrong.row for wrong in wrongs})
    if wrongs and not (asked.type and contacts):
        first = f"row {wrongs[0].row}: {wrongs[0].column} {wrongs[0].reason}"
        says = f"file has rows that cannot be used: {wrong_rows:,}, the first in {first}"
        raise ApiError(422, says, wrong_cells_json(wrongs, wrong_rows))
    if not contacts:
        raise ApiError(400, "file cannot be taken: there is no row below its header")
    settings = kept_settings(asked)
    batch = actions.take_at_once(who.actor, file, asked.batch_name, settings, contacts)
    body = {"success": True, "batch": uploaded_json(batch.id, asked.batch_name, settings, batch.calls)}
    return current_app.json.response(body | ({"leftOut": wrong_rows} if asked.type else {}))

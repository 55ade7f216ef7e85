"""The API of contact files: create a batch from an upload (contract, section 5)."""

from __future__ import annotations

from flask import Blueprint, Response

from portal.api.openapi import INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.api.schema import PHONE_NUMBER, USER_ID
from portal.batches.settings import NAME_EXAMPLE, stored_settings
from portal.idempotency.api import answer_once
from portal.models import Scope
from portal.uploads import actions
from portal.uploads.parameters import FILE_EXAMPLE, UploadFields
from portal.uploads.presenter import uploaded_batch_json
from portal.uploads.receiving import NOT_IMPORTED, read_file, receive_file
from portal.uploads.schema import InvalidRowsBody, UploadedBody
from portal.uploads.suppressed import leave_out_suppressed
from portal.web.client_connection import stop_if_client_gone
from portal.web.envelope import success_flag_response
from portal.web.errors import ApiError
from portal.web.request_hooks import accept_files

blueprint = Blueprint("uploads_api", __name__, url_prefix="/api/call")

UPLOAD = Operation(
    summary="Upload a contact file",
    description="Create a batch from a .csv, .tsv, .txt, .xls or .xlsx file. The sheet, header row, encoding, delimiter"
    " and phone number column are detected, unless they are given; the answer says how the file was read. If no column"
    " seems to hold phone numbers, the answer is 400 and names the columns found. Other columns are stored with each"
    " call; of rows with the same number only the first is used. If rows are invalid, the answer is 422 and nothing is"
    " stored; with type=true they are skipped and counted. Numbers on the account's own do-not-call list are left out,"
    " and with enableDNC those of all its lists.",
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
    caller, fields, file, keyed = receive_file(UploadFields)
    contacts, report, read = read_file(caller, fields, file, skip_invalid=fields.type)
    contacts = leave_out_suppressed(caller.actor.user_key, contacts, report, every_list=fields.enable_dnc)
    if not contacts:
        raise ApiError(400, f"{NOT_IMPORTED}all its numbers are on a do-not-call list")

    def create() -> Response:
        batch = actions.create_batch_from_file(
            caller.actor, file, fields.batch_name, stored_settings(fields), contacts, stop_if_client_gone
        )
        batch_json = uploaded_batch_json(batch.id, fields.batch_name, batch.settings, batch.calls)
        left_out = {"leftOut": report.invalid_rows} if fields.type else {}
        return success_flag_response(batch=batch_json, skipped=report.skipped, read=read, **left_out)

    return answer_once(keyed, create)

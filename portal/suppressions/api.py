"""The JSON API of do-not-call lists."""

from __future__ import annotations

from flask import Blueprint, Response

from portal.accounts.bearer import require_caller, require_caller_with_body
from portal.api.openapi import INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.api.schema import ErrorBody
from portal.contacts.phone_numbers import parse_phone_number
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.models import Scope
from portal.suppressions import actions, query
from portal.suppressions.parameters import (
    RemovalParameters,
    SuppressionFileFields,
    SuppressionListParameters,
    SuppressionsBody,
)
from portal.suppressions.placements import wait_for_placements
from portal.suppressions.presenter import suppressions_json
from portal.suppressions.schema import AddedBody, LoadedBody, RemovedBody, SuppressionPageBody
from portal.uploads.parameters import FILE_EXAMPLE
from portal.uploads.receiving import read_file, receive_file
from portal.uploads.schema import InvalidRowsBody
from portal.web.envelope import success_response
from portal.web.errors import ApiError
from portal.web.json_body import read_body
from portal.web.pagination import link_header
from portal.web.parameters import InvalidParameter
from portal.web.request_hooks import accept_files
from portal.web.strict_input import read_query

blueprint = Blueprint("suppressions_api", __name__, url_prefix="/api/call/suppressions")

TAG = "dialing"
SUPPRESSED = "Numbers suppressed successfully"
NOT_LISTED = "This number is on no such list"


@blueprint.get("")
@document_operation(
    Operation(
        summary="List suppressed numbers",
        description="A page of the numbers on the account's do-not-call lists, last added first, and the lists with"
        " their ages. Numbers of the source own are never called; those of other lists are not called by batches with"
        " enableDNC.",
        scope=Scope.READ,
        query=SuppressionListParameters,
        successes={200: SuccessAnswer("The page.", SuppressionPageBody, ("Link",))},
        errors={
            400: (ErrorBody, "A parameter is unknown, repeated or out of range.", "limit must be between 1 and 100")
        },
        tag=TAG,
    )
)
def list_suppressions() -> Response:
    """Return a page of the caller's suppressed numbers."""
    caller = require_caller(Scope.READ)
    owner_key = caller.actor.user_key
    parameters = read_query(SuppressionListParameters)
    page = query.fetch_page(owner_key, parameters, caller.region)
    response = success_response(
        suppressions_json(page, query.list_lists(owner_key)), "Suppressions fetched successfully"
    )
    response.headers["Link"] = link_header(parameters, page)
    return response


@blueprint.post("")
@document_operation(
    Operation(
        summary="Suppress numbers",
        description="Adds numbers to a do-not-call list; once this is answered, no call to them is placed. A number"
        " that is on the list keeps the later one of two ends.",
        scope=Scope.WRITE,
        body=SuppressionsBody,
        takes_key=True,
        successes={200: SuccessAnswer("The counts of numbers.", AddedBody)},
        errors=INVALID_BODY_ERRORS,
        tag=TAG,
        example={"phoneNumbers": ["+12025550101", "+12025550102"], "source": "own"},
    )
)
def add_suppressions() -> Response:
    """Add numbers to a list."""
    caller, body = require_caller_with_body(Scope.WRITE)
    keyed = begin_keyed_request(caller, body)
    fields = read_body(body, SuppressionsBody, caller.region)

    def add() -> Response:
        result = actions.add_numbers(caller.actor, fields.phone_numbers, fields.source, fields.until_ms)
        return success_response({"added": result.added, "known": result.known}, SUPPRESSED)

    answer = answer_once(keyed, add)
    wait_for_placements(caller.actor.user_key, fields.phone_numbers)
    return answer


@blueprint.post("/upload")
@document_operation(
    Operation(
        summary="Upload a do-not-call list",
        description="Adds the phone numbers of a file to a list. The file is read as a contact file is. With replace,"
        " numbers of the list that are not in the file are removed.",
        scope=Scope.WRITE,
        body=SuppressionFileFields,
        form=True,
        takes_key=True,
        successes={200: SuccessAnswer("The counts of numbers, and how the file was read.", LoadedBody)},
        errors=INVALID_BODY_ERRORS
        | {
            422: (
                InvalidRowsBody,
                "The file has invalid rows and nothing was stored, or the Idempotency-Key was used for another"
                " request.",
                "file has invalid rows: 1. First: row 3, phoneNumber has no country code",
            )
        },
        tag=TAG,
        example={"file": FILE_EXAMPLE, "source": "TPS", "validDays": 28, "replace": True},
    )
)
@accept_files
def upload_suppressions() -> Response:
    """Add the numbers of a file to a list."""
    caller, fields, file, keyed = receive_file(SuppressionFileFields)
    fields.require_registry()
    contacts, report, read = read_file(caller, fields, file, skip_invalid=fields.type)

    numbers = [contact.number for contact in contacts]

    def load() -> Response:
        result = actions.add_numbers(
            caller.actor,
            numbers,
            fields.source,
            fields.until_ms,
            valid_days=fields.valid_days,
            replace=fields.replace,
        )
        return success_response(result._asdict() | {"skipped": report.skipped, "read": read}, SUPPRESSED)

    answer = answer_once(keyed, load)
    wait_for_placements(caller.actor.user_key, numbers)
    return answer


@blueprint.delete("/<phone_number>")
@document_operation(
    Operation(
        summary="Stop suppressing a number",
        description="Removes a number from one do-not-call list or from all. The path holds the number in E.164.",
        scope=Scope.WRITE,
        query=RemovalParameters,
        successes={200: SuccessAnswer("The count of lists.", RemovedBody)},
        errors={
            400: (
                ErrorBody,
                "phoneNumber is not a phone number, or a parameter is unknown.",
                "phoneNumber must be a phone number, such as +12015550123",
            ),
            404: (ErrorBody, "The number is on no list of the account, or not on this one.", NOT_LISTED),
        },
        tag=TAG,
    )
)
def delete_suppression(phone_number: str) -> Response:
    """Remove a number from its lists."""
    caller = require_caller(Scope.WRITE)
    parameters = read_query(RemovalParameters)
    try:
        number = parse_phone_number(phone_number, caller.region)
    except ValueError as error:
        raise InvalidParameter({"phoneNumber": f"phoneNumber {error}"}) from error
    removed = actions.remove_number(caller.actor, number, parameters.source)
    if not removed:
        raise ApiError(404, NOT_LISTED)
    return success_response({"removed": removed}, "Number removed successfully")

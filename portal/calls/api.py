"""The API of calls: list a batch's calls, add calls, report events (contract, section 5)."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from flask import Blueprint, Response

from portal.accounts.bearer import require_caller_and_batch_id, require_caller_with_body
from portal.accounts.query import Caller
from portal.api.openapi import (
    BATCH_NOT_FOUND_ERRORS,
    CONDITIONAL_HEADERS,
    INVALID_BODY_ERRORS,
    NOT_MODIFIED,
    Operation,
    SuccessAnswer,
    document_operation,
)
from portal.api.schema import CALL_ID, ErrorBody
from portal.attempts import query as attempts_query
from portal.batches import query as batches_query
from portal.calls import actions, query
from portal.calls.parameters import AddCallsBody, CallDetailsParameters, CallEventsBody, CallInput, parse_calls
from portal.calls.presenter import details_json
from portal.calls.schema import CallPageBody, CallsAddedBody, CallsPartlyAddedBody, ReportedBody
from portal.db.transactions import CHUNK_SIZE
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.models import Scope
from portal.web.envelope import success_response
from portal.web.errors import ApiError, batch_not_found
from portal.web.etags import revalidated_response
from portal.web.json_body import read_body
from portal.web.parameters import InvalidParameter
from portal.web.strict_input import read_query

blueprint = Blueprint("calls_api", __name__, url_prefix="/api/call")

DETAILS = Operation(
    summary="Get a batch's calls",
    description="One page of a batch's calls, in the order of creation by default, each with its attempts (phoneLogs)."
    " In that order, new calls are on the last pages, so all pages can be read while calls are added. nextAt: a pending"
    " call is not dialed earlier; null = at any time. heldFor: why a due call is not dialed now.",
    scope=Scope.READ,
    query=CallDetailsParameters,
    successes={
        200: SuccessAnswer("The page.", CallPageBody, CONDITIONAL_HEADERS),
        304: NOT_MODIFIED,
    },
    errors=BATCH_NOT_FOUND_ERRORS
    | {
        400: (
            ErrorBody,
            "batchId is not an id, or a parameter is unknown, repeated or out of range.",
            "limit must be between 1 and 100",
        )
    },
    tag="calls",
)


@blueprint.get("/batch-details/<batch_id>")
@document_operation(DETAILS)
def list_calls(batch_id: str) -> Response:
    """Return one page of a batch's calls."""
    caller, parsed_id = require_caller_and_batch_id(Scope.READ, batch_id)
    # Every change of a batch's calls changes its row, too, and so the version of the owner's list. A search for a
    # number depends on the user's region.
    parts = (caller.list_state.owner_key, caller.list_state.version, caller.region)
    return revalidated_response(lambda: details_response(caller, parsed_id), *parts)


def details_response(caller: Caller, batch_id: str) -> Response:
    """Return one page of a batch's calls. Raises ApiError 404 and InvalidParameter."""
    owner_key = caller.list_state.owner_key
    batch = batches_query.find_batch(owner_key, batch_id)
    if batch is None:
        raise batch_not_found()
    parameters = read_query(CallDetailsParameters)
    page = query.fetch_page(owner_key, batch, parameters.to_query(caller.region))
    tried = [call.key for call in page.rows if call.attempts]
    attempts, recordings = attempts_query.fetch_attempts(tried), attempts_query.fetch_recordings(tried)
    return success_response(details_json(batch, page, attempts, recordings), "Calls fetched successfully")


ADD_CALLS = Operation(
    summary="Add calls to a batch",
    description="Calls are added in chunks of 1000, each in one transaction (with an Idempotency-Key: all in"
    " one). A pending call to a number is updated.",
    scope=Scope.WRITE,
    body=AddCallsBody,
    takes_key=True,
    successes={
        200: SuccessAnswer("All calls were added.", CallsAddedBody),
        207: SuccessAnswer("Some chunks were invalid; the others were added.", CallsPartlyAddedBody),
    },
    errors=INVALID_BODY_ERRORS | BATCH_NOT_FOUND_ERRORS,
    tag="calls",
)


@blueprint.post("/addCallsToBatch")
@document_operation(ADD_CALLS)
def add_calls() -> Response:
    """Add calls to a batch."""
    caller, given = require_caller_with_body(Scope.WRITE)
    keyed = begin_keyed_request(caller, given)
    batch_id = given.get("batchId")
    if batch_id and batches_query.find_row(caller.list_state.owner_key, batch_id) is None:
        raise batch_not_found()
    if given.get("callData") is not None:
        if given.get("call_data") is not None:
            raise ApiError(400, "Send call_data or callData, not both")
        given["call_data"] = given.pop("callData")
    given.pop("callData", None)
    body = read_body(given, AddCallsBody)
    chunks, failed = parse_chunks(body, caller.region)
    if not chunks:
        raise ApiError(400, failed[0]["error"])
    return answer_once(keyed, lambda: add_chunks(caller, body.batch_id, chunks, failed))


def parse_chunks(body: AddCallsBody, region: str) -> tuple[list[list[CallInput]], list[dict[str, Any]]]:
    """Return the valid chunks, and the number and the error of each other one."""
    chunks, failed = [], []
    for first in range(0, len(body.call_data), CHUNK_SIZE):
        try:
            chunks.append(parse_calls(body.call_data[first : first + CHUNK_SIZE], first, region))
        except InvalidParameter as error:
            failed.append({"chunkNum": first // CHUNK_SIZE + 1, "error": str(error)})
    return chunks, failed


def add_chunks(caller: Caller, batch_id: str, chunks: list[list[CallInput]], failed: list[dict[str, Any]]) -> Response:
    """Add each chunk in its own transaction, or all in that of an Idempotency-Key."""
    ids: list[str] = []
    added = 0
    for calls in chunks:
        result = actions.add_calls(caller.actor, batch_id, calls)
        if result is None:  # deleted in the meantime
            raise batch_not_found()
        ids += result.ids
        added += result.new
    data: dict[str, Any] = {"added": added, "callIds": ids}
    if not failed:
        return success_response(data, "Calls enqueued successfully")
    return partial_response(data | {"failedChunks": failed})


def partial_response(data: dict[str, Any]) -> Response:
    """Return the answer 207: some chunks were added, others were invalid."""
    numbers = ", ".join(str(failed["chunkNum"]) for failed in data["failedChunks"])
    error = f"Fix and resend chunks {numbers}: {data['failedChunks'][0]['error']}"
    return success_response(data, "Some calls were not enqueued", 207, error)


REPORT = Operation(
    summary="Report events of calls",
    description="Events from the dialer, in any order. Each eventId counts once. The later attempt of a call"
    " counts. While the batch's retry setting allows it, a busy or unanswered call becomes pending again.",
    scope=Scope.WRITE,
    body=CallEventsBody,
    takes_key=True,
    successes={200: SuccessAnswer("The numbers of events applied, known before, and without a call.", ReportedBody)},
    errors=INVALID_BODY_ERRORS,
    tag="calls",
    example={
        "events": [
            {
                "eventId": "call-1-end",
                "callId": CALL_ID,
                "callStatus": "completed",
                "callDuration": 64,
                "occurredAt": "2025-05-01T12:01:04.000Z",
            }
        ]
    },
)


@blueprint.post("/call-events")
@document_operation(REPORT)
def report_events() -> Response:
    """Apply the dialer's events."""
    caller, given = require_caller_with_body(Scope.WRITE)
    keyed = begin_keyed_request(caller, given)
    body = read_body(given, CallEventsBody, caller.region)
    return answer_once(keyed, lambda: success_response(asdict(actions.apply_reports(caller.actor, body.events))))

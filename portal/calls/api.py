"""The JSON exit for calls: what is in a batch, more of it, and what the dialer reports (contract, section 5)."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request

from portal.accounts.bearer import require_caller_and_batch_id, require_caller_with_body
from portal.accounts.query import Caller
from portal.api.openapi import BATCH_NOT_FOUND_ERRORS, INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.api.schema import ErrorBody
from portal.batches import query as batches_query
from portal.calls import actions, query
from portal.calls.parameters import AddCallsBody, CallDetailsParameters, CallEventsBody, parse_calls
from portal.calls.presenter import details_json
from portal.calls.schema import CallPageBody, CallsAddedBody, CallsPartlyAddedBody, ReportedBody
from portal.db.transactions import CHUNK_SIZE
from portal.models import Scope
from portal.web.envelope import success_response
from portal.web.errors import ApiError, batch_not_found
from portal.web.json_body import read_body
from portal.web.parameters import InvalidParameter, parse_query

blueprint = Blueprint("calls_api", __name__, url_prefix="/api/call")

DETAILS = Operation(
    summary="Get a batch's calls",
    description="One page of a batch's calls, as they were added, each with what the dialer reported of it.",
    scope=Scope.READ,
    query=CallDetailsParameters,
    successes={200: SuccessAnswer("The page.", CallPageBody)},
    errors=BATCH_NOT_FOUND_ERRORS
    | {400: (ErrorBody, "batchId is not an id, or a parameter is unknown, repeated or out of range.")},
    tag="calls",
)


@blueprint.get("/batch-details/<batch_id>")
@document_operation(DETAILS)
def batch_details(batch_id: str) -> Response:
    """One page of a batch's calls."""
    who, batch_id = require_caller_and_batch_id(Scope.READ, batch_id)
    batch = batches_query.find_batch(who.list_state.owner_key, batch_id)
    if batch is None:
        raise batch_not_found()
    asked = parse_query(request.query_string, CallDetailsParameters).or_refuse()
    page = query.fetch_page(who.list_state.owner_key, batch.id, asked)
    reports = query.fetch_reports(page.rows)
    return success_response(details_json(batch, page, reports), "Calls fetched successfully")


ADD_CALLS = Operation(
    summary="Add calls to a batch",
    description="Chunks of 1000, each one transaction. A call that waits for the same number is updated, not doubled.",
    scope=Scope.WRITE,
    body=AddCallsBody,
    successes={
        200: SuccessAnswer("All were added.", CallsAddedBody),
        207: SuccessAnswer("Some chunks were wrong; the others were added.", CallsPartlyAddedBody),
    },
    errors=INVALID_BODY_ERRORS | BATCH_NOT_FOUND_ERRORS,
    tag="calls",
    example={
        "batchId": "64e5f12345abcdef98765432",
        "call_data": [{"phoneNumber": "+12025550101", "name": "first contact", "city": "Lisbon"}],
    },
)


@blueprint.post("/addCallsToBatch")
@document_operation(ADD_CALLS)
def add_calls() -> Response:
    """Fill a batch."""
    who, given = require_caller_with_body(Scope.WRITE)
    batch_id = given.get("batchId")
    if batch_id and batches_query.find_row(who.list_state.owner_key, batch_id) is None:
        raise batch_not_found()
    if "callData" in given:
        if "call_data" in given:
            raise ApiError(400, "callData is another name of call_data; send one of them")
        given["call_data"] = given.pop("callData")
    asked = read_body(given, AddCallsBody)
    return add_chunks(who, asked)


def add_chunks(who: Caller, asked: AddCallsBody) -> Response:
    """Each chunk in a transaction of its own. Raises ApiError 400 where none of them is right."""
    ids: list[str] = []
    added, failed = 0, []
    for first in range(0, len(asked.call_data), CHUNK_SIZE):
        try:
            calls = parse_calls(asked.call_data[first : first + CHUNK_SIZE], first, who.region)
        except InvalidParameter as wrong:
            failed.append({"chunkNum": first // CHUNK_SIZE + 1, "error": str(wrong)})
            continue
        done = actions.add_calls(who.actor, asked.batch_id, calls)
        if done is None:  # it was deleted meanwhile
            raise batch_not_found()
        ids += done.ids
        added += done.new
    data: dict[str, Any] = {"added": added, "callIds": ids}
    if not failed:
        return success_response(data, "Calls enqueued successfully")
    if not ids:
        raise ApiError(400, failed[0]["error"])
    return partial_response(data | {"failedChunks": failed})


def partial_response(data: dict[str, Any]) -> Response:
    """207: some chunks were added, others were wrong."""
    numbers = ", ".join(str(failed["chunkNum"]) for failed in data["failedChunks"])
    error = f"Fix and resend chunks {numbers}: {data['failedChunks'][0]['error']}"
    return success_response(data, "Some calls were not enqueued", 207, error)


REPORT = Operation(
    summary="Report on calls",
    description="What the dialer reports. Each eventId counts once, and events may come in any order.",
    scope=Scope.WRITE,
    body=CallEventsBody,
    successes={200: SuccessAnswer("What became of the events.", ReportedBody)},
    errors=INVALID_BODY_ERRORS,
    tag="calls",
    example={
        "events": [
            {
                "eventId": "call-1-end",
                "callId": "64e5f12345abcdef98765432",
                "callStatus": "completed",
                "callDuration": 64,
                "occurredAt": "2025-05-01T12:01:04.000Z",
            }
        ]
    },
)


@blueprint.post("/call-events")
@document_operation(REPORT)
def call_events() -> Response:
    """Take in what the dialer reports."""
    who, given = require_caller_with_body(Scope.WRITE)
    asked = read_body(given, CallEventsBody, who.region)
    done = actions.apply_reports(who.actor, asked.events)
    return success_response({"applied": done.applied, "duplicates": done.duplicates, "unknown": done.unknown})

"""The JSON API of attempts: an account's call records."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flask import Blueprint, Response, request

from portal.accounts.bearer import require_caller_and_batch_id
from portal.accounts.query import Caller
from portal.api.fields import csv_example
from portal.api.openapi import BATCH_NOT_FOUND_ERRORS, Operation, SuccessAnswer, document_operation
from portal.api.schema import ErrorBody
from portal.attempts import query
from portal.attempts.fields import ATTEMPT_FIELDS, ATTEMPT_HEADER, attempt_cells, attempt_json
from portal.attempts.parameters import AttemptExportParameters, AttemptListParameters
from portal.attempts.schema import AttemptPageBody
from portal.audit.account_log import log_export
from portal.batches import query as batches_query
from portal.models import Scope
from portal.web.envelope import success_response
from portal.web.errors import batch_not_found
from portal.web.export_kinds import ExportKind, stream_download
from portal.web.pagination import link_header, pagination_json
from portal.web.request_hooks import client_address
from portal.web.strict_input import read_query

blueprint = Blueprint("attempts_api", __name__, url_prefix="/api/call/attempts")

ERRORS = BATCH_NOT_FOUND_ERRORS | {
    400: (
        ErrorBody,
        "batchId is not an id, or a parameter is unknown, repeated or out of range.",
        "callId must be 24 hexadecimal characters",
    )
}
LIST = Operation(
    summary="Get a batch's attempts",
    description="The attempts of a batch's calls, by call and number. A call is tried again as its batch's retry, delay"
    " and retryOn say. cause: the Q.850 cause of the end. lost: the attempt ended without a known outcome.",
    scope=Scope.READ,
    query=AttemptListParameters,
    successes={200: SuccessAnswer("The page.", AttemptPageBody, ("Link",))},
    errors=ERRORS,
    tag="calls",
)
EXPORT = Operation(
    summary="Export a batch's attempts as CSV",
    description="All attempts of a batch's calls, or of one call, by call and number.",
    scope=Scope.READ,
    query=AttemptExportParameters,
    successes={
        200: SuccessAnswer(
            "The file.", None, ("Content-Disposition",), csv_example(ATTEMPT_FIELDS), file=ExportKind.CSV.mime_type
        )
    },
    errors=ERRORS,
    tag="calls",
)


@blueprint.get("/<batch_id>")
@document_operation(LIST)
def list_attempts(batch_id: str) -> Response:
    """Return one page of a batch's attempts."""
    caller, parsed_id = require_caller_and_batch_id(Scope.READ, batch_id)
    require_batch(caller, parsed_id)
    parameters = read_query(AttemptListParameters)
    owner_key = caller.list_state.owner_key
    page = query.fetch_page(owner_key, parsed_id, parameters.call_id, parameters.page, parameters.limit)
    data = {"attempts": list(map(attempt_json, page.rows)), "pagination": pagination_json(page)}
    response = success_response(data, "Attempts fetched successfully")
    response.headers["Link"] = link_header(parameters, page)
    return response


@blueprint.get("/<batch_id>/csv")
@document_operation(EXPORT)
def export_attempts(batch_id: str) -> Response:
    """Export a batch's attempts as CSV."""
    caller, parsed_id = require_caller_and_batch_id(Scope.READ, batch_id)
    name = require_batch(caller, parsed_id).name
    parameters = read_query(AttemptExportParameters)
    if request.method == "GET":
        log_export(replace(caller.actor, address=client_address()), {"kind": "attempts", "batch": parsed_id})
    rows = query.stream_attempts(caller.list_state.owner_key, parsed_id, parameters.call_id)
    return stream_download(ExportKind.CSV, f"{name} attempts", ATTEMPT_HEADER, map(attempt_cells, rows))


def require_batch(caller: Caller, batch_id: str) -> Any:
    """Return the caller's batch. Raises ApiError 404."""
    batch = batches_query.find_row(caller.list_state.owner_key, batch_id)
    if batch is None:
        raise batch_not_found()
    return batch

"""The API that exports the list of batches, or the calls of one, as CSV."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from flask import Response, request
from pydantic import Field

from portal.accounts.bearer import require_caller
from portal.accounts.query import Caller
from portal.api.fields import csv_example
from portal.api.openapi import BATCH_NOT_FOUND_ERRORS, Operation, SuccessAnswer, document_operation
from portal.api.schema import ErrorBody
from portal.audit.account_log import log_export
from portal.batches import query
from portal.batches.api.blueprint import blueprint
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import export_details
from portal.batches.rows import BATCH_FIELDS
from portal.batches.rows import export_columns as list_columns
from portal.calls import query as calls_query
from portal.calls.presenter import export_columns
from portal.models import Scope
from portal.web.errors import ApiError, batch_not_found
from portal.web.export_kinds import ExportKind, stream_download
from portal.web.field_types import HexId
from portal.web.parameters import PageNumber, PageSize
from portal.web.request_hooks import client_address
from portal.web.strict_input import read_query

# Without page and limit, an export is complete: generated clients send documented defaults.
NO_DEFAULT: dict[str, Any] = {"default": None}


class ExportParameters(BatchListParameters):
    """The parameters of an export: a batch whose calls to export, or the filters of the list."""

    page: Annotated[
        PageNumber, Field(description="Export one page: this one, or the first.", json_schema_extra=NO_DEFAULT)
    ] = 1
    limit: Annotated[
        PageSize,
        Field(description="Export one page of this size, or of 10.", json_schema_extra=NO_DEFAULT, examples=[10]),
    ] = 10
    batch_id: Annotated[HexId | None, Field(alias="batchId", description="Export the calls of this batch.")] = None


EXPORT = Operation(
    summary="Export as CSV",
    description="Exports the calls of one batch (batchId), or all batches that match the list's parameters; only one"
    " page if page or limit is set. The file is streamed, and cells that a spreadsheet would execute are escaped.",
    scope=Scope.READ,
    query=ExportParameters,
    successes={
        200: SuccessAnswer(
            "The file.", None, ("Content-Disposition",), csv_example(BATCH_FIELDS), file=ExportKind.CSV.mime_type
        )
    },
    errors=BATCH_NOT_FOUND_ERRORS
    | {
        400: (
            ErrorBody,
            "A parameter is unknown, repeated, out of range, or cannot be combined with batchId.",
            "limit must be between 1 and 100",
        )
    },
)


@blueprint.get("/export/csv")
@document_operation(EXPORT)
def export_csv() -> Response:
    """Export the list or a batch's calls as CSV."""
    caller = require_caller(Scope.READ)
    parameters = read_query(ExportParameters)
    one_page = parameters.model_fields_set & {"page", "limit"}
    if parameters.batch_id is None:
        list_query = parameters.to_list_query(caller.list_state)
        rows = iter(query.fetch_page(list_query).rows) if one_page else query.stream_batches(list_query)
        header, cells = list_columns(parameters.deleted)
        return stream_download(ExportKind.CSV, "Batches", header, map(cells, rows))
    # The default of another parameter changes nothing.
    if others := [name for name, _ in parameters.pairs(one_page) if name != "batchId"]:
        raise ApiError(400, f"batchId cannot be combined with other parameters: remove {', '.join(others)}")
    return export_calls(caller, parameters.batch_id)


def export_calls(caller: Caller, batch_id: str) -> Response:
    """Export all calls of a batch as CSV. Raises ApiError 404."""
    owner_key = caller.list_state.owner_key
    batch = query.find_batch(owner_key, batch_id)
    if batch is None:
        raise batch_not_found()
    # Writing to the audit log expires the batch object.
    public_id, name, details = batch.id, batch.name, export_details(batch, is_complete=True)
    if request.method == "GET":
        log_export(replace(caller.actor, address=client_address()), details)
    header, cells = export_columns(calls_query.fetch_field_names(owner_key, public_id, calls_query.ALL_CALLS))
    rows = calls_query.stream_calls(owner_key, public_id, calls_query.ALL_CALLS)
    return stream_download(ExportKind.CSV, name, header, map(cells, rows))

"""The JSON API of batches, as the contract defines it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from flask import Blueprint, Response, request
from pydantic import Field

from portal.accounts.bearer import (
    require_caller,
    require_caller_and_batch_id,
    require_caller_with_batch_id_and_body,
    require_caller_with_body,
)
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
from portal.api.schema import USER_ID, ErrorBody, SuccessFlagBody
from portal.audit.account_log import log_export
from portal.batches import actions, query
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import export_details, list_json, settings_json
from portal.batches.rows import BATCH_FIELDS
from portal.batches.rows import export_columns as list_columns
from portal.batches.schema import (
    BatchListBody,
    BatchSettingsBody,
    CreatedBody,
    NoBatchesBody,
    TransitionResultBody,
)
from portal.batches.settings import BatchChanges, NewBatch, changed_settings, stored_settings
from portal.batches.transitions import BatchAction, IllegalTransition
from portal.calls import query as calls_query
from portal.calls.presenter import export_columns
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.live import Deleted
from portal.models import Scope
from portal.models.list_state import ListState
from portal.web.envelope import success_flag_response, success_response
from portal.web.errors import ApiError, batch_not_found
from portal.web.etags import revalidated_response
from portal.web.export_kinds import ExportKind, stream_download
from portal.web.field_types import HexId
from portal.web.json_body import read_body
from portal.web.pagination import link_header
from portal.web.parameters import PageNumber, PageSize, Parameters
from portal.web.request_hooks import client_address
from portal.web.strict_input import read_nothing, read_query

blueprint = Blueprint("batches_api", __name__, url_prefix="/api/call")

GET_ALL_BATCHES = Operation(
    summary="Get All Batches",
    description="A page of the batches of the token's user, by default of those that are not deleted, newest first. New"
    " batches move the others to later pages: to read all pages while batches are created, use sortOrder=asc, or the"
    " same createdTo on every page.",
    scope=Scope.READ,
    query=BatchListParameters,
    successes={
        200: SuccessAnswer("The page.", BatchListBody, (*CONDITIONAL_HEADERS, "Link")),
        304: NOT_MODIFIED,
    },
    errors={
        400: (
            ErrorBody,
            "userId is not an id, or a parameter is unknown, repeated or out of range.",
            "limit must be between 1 and 100",
        ),
        404: (
            NoBatchesBody,
            "The user has no live batches, and no deleted ones that match if these are asked for.",
            "This user has no batches yet",
        ),
    },
)


@blueprint.get("/batches/<user_id>")
@document_operation(GET_ALL_BATCHES)
def list_batches(user_id: str) -> Response:
    """Return a page of the caller's batches."""
    state = require_caller(Scope.READ, userId=user_id).list_state
    parameters = read_query(BatchListParameters)
    return revalidated_response(lambda: list_response(state, parameters), "json", state.version)


def list_response(state: ListState, parameters: BatchListParameters) -> Response:
    """Return a page of the list with its Link header. Raises ApiError 404 without live batches and matches."""
    page = query.fetch_page(parameters.to_list_query(state))
    data = list_json(page)
    if not (state.total or page.total):
        raise ApiError(404, "This user has no batches yet", data)
    response = success_response(data, "Batches fetched successfully")
    response.headers["Link"] = link_header(parameters, page)
    return response


CREATE_BATCH = Operation(
    summary="Create a batch",
    description="Creates an empty, pending batch.",
    scope=Scope.WRITE,
    body=NewBatch,
    takes_key=True,
    successes={201: SuccessAnswer("The new batch's id.", CreatedBody)},
    errors=INVALID_BODY_ERRORS,
)


@blueprint.post("/createBatch")
@document_operation(CREATE_BATCH)
def create_batch() -> Response:
    """Create an empty batch."""
    caller, body = require_caller_with_body(Scope.WRITE)
    keyed = begin_keyed_request(caller, body)
    new_batch = read_body(body, NewBatch, caller.region)

    def create() -> Response:
        batch = actions.create_batch(caller.actor, new_batch.batch_name, stored_settings(new_batch))
        return success_response(batch.id, "Batch created successfully", 201)

    return answer_once(keyed, create)


def require_batch(caller: Caller, batch_id: str, deleted: Deleted = Deleted.EXCLUDE) -> None:
    """Raise ApiError 404 unless the caller has the batch; this comes before errors of the parameters."""
    if query.find_row(caller.list_state.owner_key, batch_id, deleted) is None:
        raise batch_not_found()


CHANGE_BATCH = Operation(
    summary="Change a batch",
    description="Changes the name or settings of a batch in any status; fields that are not sent do not change. To call"
    ' at any hour again, send callingHour {"start":"00:00","end":"00:00"}; on all days, an empty list.',
    scope=Scope.WRITE,
    body=BatchChanges,
    successes={200: SuccessAnswer("The batch's settings after the change.", BatchSettingsBody)},
    errors=INVALID_BODY_ERRORS | BATCH_NOT_FOUND_ERRORS,
    example={"batchName": "Marketing Campaign June 2025", "retry": 2, "delay": 900},
)


@blueprint.patch("/batch/<batch_id>")
@document_operation(CHANGE_BATCH)
def change_batch(batch_id: str) -> Response:
    """Change a batch's name and settings."""
    caller, body, batch_id = require_caller_with_batch_id_and_body(Scope.WRITE, batch_id)
    require_batch(caller, batch_id)
    changes = read_body(body, BatchChanges, caller.region)
    batch = actions.change_batch(caller.actor, batch_id, changes.batch_name, changed_settings(changes))
    if batch is None:
        raise batch_not_found()
    return success_response(settings_json(batch), "Batch updated successfully")


# --- changes of status ------------------------------------------------------------------------------------------------


class TransitionBody(Parameters):
    """The batch to change, and its owner."""

    batch_id: Annotated[HexId, Field(alias="batchId")]
    user_id: Annotated[HexId, Field(alias="userId", examples=[USER_ID])]


CONFLICT = "This batch is completed and cannot be paused"


def transition_operation(summary: str, description: str) -> Operation:
    """Return the documentation of a change of status."""
    return Operation(
        summary=summary,
        description=f"{description} Safe to repeat.",
        scope=Scope.WRITE,
        body=TransitionBody,
        takes_key=True,
        successes={200: SuccessAnswer("The batch has the new status.", TransitionResultBody)},
        errors=INVALID_BODY_ERRORS
        | BATCH_NOT_FOUND_ERRORS
        | {409: (ErrorBody, "The current status does not allow this change.", CONFLICT)},
    )


def transition_response(action: BatchAction) -> Response:
    """Apply an action to the batch in the body. Raises ApiError 404, 400 or 409."""
    caller, body = require_caller_with_body(Scope.WRITE)
    keyed = begin_keyed_request(caller, body)
    batch_id = body.get("batchId")
    if batch_id:
        require_batch(caller, batch_id)
    read_body(body, TransitionBody)

    def change() -> Response:
        try:
            if actions.change_status(caller.actor, batch_id, action) is None:
                raise batch_not_found()
        except IllegalTransition as error:
            raise ApiError(409, str(error)) from error
        return success_response({"batchId": batch_id, "status": action.result})

    return answer_once(keyed, change)


@blueprint.post("/start-calling")
@document_operation(
    transition_operation(
        "Start calling", "Starts a pending, paused or stopped batch, or a completed one with open calls."
    )
)
def start_calling() -> Response:
    """Start calling."""
    return transition_response(BatchAction.START)


@blueprint.post("/stop-calling")
@document_operation(
    transition_operation("Stop calling", "Stops a batch. Open calls remain, and the batch can be started again.")
)
def stop_calling() -> Response:
    """Stop calling."""
    return transition_response(BatchAction.STOP)


@blueprint.post("/pause-calling")
@document_operation(transition_operation("Pause calling", "Pauses an active batch."))
def pause_calling() -> Response:
    """Pause calling."""
    return transition_response(BatchAction.PAUSE)


@blueprint.post("/resume-calling")
@document_operation(transition_operation("Resume calling", "Resumes a paused batch."))
def resume_calling() -> Response:
    """Resume calling."""
    return transition_response(BatchAction.RESUME)


# --- export -----------------------------------------------------------------------------------------------------------


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


EXPORT_EXAMPLE = "".join(
    f"{','.join(row)}\r\n" for row in zip(*((field.name, str(field.example)) for field in BATCH_FIELDS), strict=True)
)
EXPORT = Operation(
    summary="Export as CSV",
    description="Exports the calls of one batch (batchId), or all batches that match the list's parameters; only one"
    " page if page or limit is set. The file is streamed, and cells that a spreadsheet would execute are escaped.",
    scope=Scope.READ,
    query=ExportParameters,
    successes={
        200: SuccessAnswer("The file.", None, ("Content-Disposition",), EXPORT_EXAMPLE, file=ExportKind.CSV.mime_type)
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


# --- the trash --------------------------------------------------------------------------------------------------------


def trash_operation(summary: str, description: str, *, takes_key: bool = False) -> Operation:
    """Return the documentation of deleting or restoring a batch."""
    return Operation(
        summary=summary,
        description=description,
        scope=Scope.WRITE,
        takes_key=takes_key,
        successes={200: SuccessAnswer("Done.", SuccessFlagBody)},
        errors=BATCH_NOT_FOUND_ERRORS
        | {400: (ErrorBody, "batchId is not an id.", "batchId must be 24 hexadecimal characters")},
    )


@blueprint.delete("/delete-batch/<batch_id>")
@document_operation(
    trash_operation("Delete a batch", "Moves a batch and its calls to the trash. An active or paused batch is stopped.")
)
def delete_batch(batch_id: str) -> Response:
    """Move a batch to the trash."""
    caller, batch_id = require_caller_and_batch_id(Scope.WRITE, batch_id)
    require_batch(caller, batch_id)
    read_nothing()
    if not actions.delete_batch(caller.actor, batch_id):
        raise batch_not_found()
    return success_flag_response(message="Batch deleted")


@blueprint.post("/restore-batch/<batch_id>")
@document_operation(
    trash_operation(
        "Restore a batch",
        "Restores a batch and its calls from the trash. A live batch does not change.",
        takes_key=True,
    )
)
def restore_batch(batch_id: str) -> Response:
    """Restore a batch from the trash."""
    caller, batch_id = require_caller_and_batch_id(Scope.WRITE, batch_id)
    keyed = begin_keyed_request(caller, batch_id)
    require_batch(caller, batch_id, Deleted.INCLUDE)
    read_nothing()

    def restore() -> Response:
        if not actions.restore_batch(caller.actor, batch_id):
            raise batch_not_found()
        return success_flag_response(message="Batch restored")

    return answer_once(keyed, restore)

"""The JSON exit for batches: Get All Batches, and what is done to them, exactly as the contract has it."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from flask import Blueprint, Response, request
from pydantic import Field

from portal.accounts.bearer import require_caller, require_caller_and_batch_id, require_caller_with_body
from portal.accounts.query import Caller
from portal.api.openapi import BATCH_NOT_FOUND_ERRORS, INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.api.schema import ErrorBody, SuccessFlagBody
from portal.audit.account_log import log_export
from portal.batches import actions, query
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import LIST_HEADER, export_details, list_cells, list_json
from portal.batches.schema import (
    CREATED_EXAMPLE,
    LIST_EXAMPLE,
    BatchListBody,
    CreatedBody,
    NoBatchesBody,
    TransitionResultBody,
)
from portal.batches.settings import NewBatch, stored_settings
from portal.batches.transitions import BatchAction, IllegalTransition
from portal.calls import query as calls_query
from portal.calls.presenter import export_columns
from portal.models import Scope
from portal.web.downloads import ExportKind, stream_download
from portal.web.envelope import success_flag_response, success_response
from portal.web.errors import ApiError, batch_not_found
from portal.web.etags import conditional_response
from portal.web.field_types import HexId
from portal.web.json_body import read_body
from portal.web.pagination import Page
from portal.web.parameters import Parameters, parse_query
from portal.web.request_hooks import client_address

blueprint = Blueprint("batches_api", __name__, url_prefix="/api/call")

GET_ALL_BATCHES = Operation(
    summary="Get All Batches",
    description="One page of the batches that the token's user created and that are not deleted, newest first.",
    scope=Scope.READ,
    query=BatchListParameters,
    successes={
        200: SuccessAnswer("The page.", BatchListBody, ("ETag", "Cache-Control", "Link"), LIST_EXAMPLE),
        304: SuccessAnswer("Nothing has changed since the answer with that ETag.", None, ("ETag", "Cache-Control")),
    },
    errors={
        400: (ErrorBody, "userId is not an id, or a parameter is unknown, repeated or out of range; it is named."),
        404: (NoBatchesBody, "The user has no batch at all."),
    },
)


@blueprint.get("/batches/<user_id>")
@document_operation(GET_ALL_BATCHES)
def list_batches(user_id: str) -> Response:
    """Get All Batches: one page of the caller's live batches."""
    who = require_caller(Scope.READ, userId=user_id)
    asked = parse_query(request.query_string, BatchListParameters).or_refuse()
    return conditional_response(lambda: list_response(who, asked), "json", who.list_state.version)


def list_response(who: Caller, asked: BatchListParameters) -> Response:
    """The list with its links. Raises ApiError 404 for a user without any live batch."""
    page = query.fetch_page(who.list_state, asked)
    data = list_json(page)
    if not who.list_state.total:
        raise ApiError(404, "This user has no batches yet", data)
    response = success_response(data, "Batches fetched successfully")
    response.headers["Link"] = pagination_links(asked, page)
    return response


def pagination_links(asked: BatchListParameters, page: Page) -> str:
    """The ways to the other pages (RFC 8288), every other parameter kept; relative, so no proxy can make them wrong."""
    rest = asked.query(("page", "limit")).removeprefix(f"?page={asked.page}")
    targets = page.neighbours().items()
    return ", ".join([f'<{request.path}?page={number}{rest}>; rel="{rel}"' for rel, number in targets])


CREATE_BATCH = Operation(
    summary="Create a batch",
    description="A batch that is still to be filled; it stands at pending.",
    scope=Scope.WRITE,
    body=NewBatch,
    successes={201: SuccessAnswer("The new batch's id.", CreatedBody, example=CREATED_EXAMPLE)},
    errors=INVALID_BODY_ERRORS,
)


@blueprint.post("/createBatch")
@document_operation(CREATE_BATCH)
def create_batch() -> Response:
    """Make an empty batch."""
    who, given = require_caller_with_body(Scope.WRITE)
    asked = read_body(given, NewBatch, who.region)
    made = actions.create_batch(who.actor, asked.batch_name, stored_settings(asked))
    return success_response(made.id, "Batch created successfully", 201)


# --- moves ------------------------------------------------------------------------------------------------------------


class TransitionBody(Parameters):
    """Which batch is moved, and whose it is."""

    batch_id: HexId = Field(alias="batchId")
    user_id: HexId = Field(alias="userId")


def transition_operation(summary: str, words: str) -> Operation:
    """What the four moves have in common."""
    return Operation(
        summary=summary,
        description=f"{words} Repeated, it does no harm.",
        scope=Scope.WRITE,
        body=TransitionBody,
        successes={200: SuccessAnswer("Done, or done already.", TransitionResultBody)},
        errors=INVALID_BODY_ERRORS
        | BATCH_NOT_FOUND_ERRORS
        | {409: (ErrorBody, "The batch cannot be moved so from where it stands.")},
    )


def transition_response(move: BatchAction) -> Response:
    """Move the batch that the body names, and say so."""
    who, given = require_caller_with_body(Scope.WRITE)
    batch_id = given.get("batchId")
    if batch_id and query.find_row(who.list_state.owner_key, batch_id) is None:
        raise batch_not_found()
    read_body(given, TransitionBody)
    try:
        if actions.change_status(who.actor, batch_id, move) is None:
            raise batch_not_found()
    except IllegalTransition as refusal:
        raise ApiError(409, str(refusal)) from refusal
    return success_response({"batchId": batch_id, "status": move.result})


@blueprint.post("/start-calling")
@document_operation(
    transition_operation("Start calling", "From pending, paused, stopped, or completed with calls still to be made.")
)
def start_calling() -> Response:
    """Let the dialer begin."""
    return transition_response(BatchAction.START)


@blueprint.post("/stop-calling")
@document_operation(
    transition_operation("Stop calling", "Calls that are still to be made stay; the batch can be started again.")
)
def stop_calling() -> Response:
    """Let the dialer end."""
    return transition_response(BatchAction.STOP)


@blueprint.post("/pause-calling")
@document_operation(transition_operation("Pause calling", "From active."))
def pause_calling() -> Response:
    """Let the dialer wait."""
    return transition_response(BatchAction.PAUSE)


@blueprint.post("/resume-calling")
@document_operation(transition_operation("Resume calling", "From paused."))
def resume_calling() -> Response:
    """Let the dialer go on."""
    return transition_response(BatchAction.RESUME)


# --- export -----------------------------------------------------------------------------------------------------------


class ExportParameters(BatchListParameters):
    """What is exported: the calls of one batch, or the batches that the list's own parameters ask for."""

    batch_id: Annotated[HexId | None, Field(alias="batchId", description="The calls of this batch.")] = None


EXPORT = Operation(
    summary="Export as CSV",
    description="The calls of one batch (batchId), or the batches that match the list's parameters; one page of them if"
    " page or limit is given. Streamed, with formulas escaped.",
    scope=Scope.READ,
    query=ExportParameters,
    successes={200: SuccessAnswer("The file.", file=ExportKind.CSV.mime_type)},
    errors=BATCH_NOT_FOUND_ERRORS
    | {400: (ErrorBody, "A parameter is unknown, repeated, out of range, or has no place here.")},
)


@blueprint.get("/export/csv")
@document_operation(EXPORT)
def export_csv() -> Response:
    """The list, or a batch's calls, as a file."""
    who = require_caller(Scope.READ)
    asked = parse_query(request.query_string, ExportParameters).or_refuse()
    owner_key = who.list_state.owner_key
    if asked.batch_id is None:
        if asked.model_fields_set & {"page", "limit"}:
            rows = iter(query.fetch_page(who.list_state, asked).rows)
        else:
            rows = query.stream_batches(who.list_state, asked)
        return stream_download(ExportKind.CSV, "Batches", LIST_HEADER, map(list_cells, rows))
    if others := [name for name, _ in asked.pairs(asked.model_fields_set) if name != "batchId"]:
        raise ApiError(400, f"batchId stands alone: leave out {', '.join(others)}")
    batch = query.find_batch(owner_key, asked.batch_id)
    if batch is None:
        raise batch_not_found()
    batch_id, name, taken = batch.id, batch.name, export_details(batch, whole=True)
    if request.method == "GET":
        log_export(replace(who.actor, address=client_address()), taken)
    header, cells = export_columns(calls_query.fetch_field_names(owner_key, batch_id, calls_query.ALL_CALLS))
    return stream_download(
        ExportKind.CSV, name, header, map(cells, calls_query.stream_calls(owner_key, batch_id, calls_query.ALL_CALLS))
    )


# --- the trash --------------------------------------------------------------------------------------------------------


def trash_operation(summary: str, words: str) -> Operation:
    """What deleting and restoring have in common."""
    return Operation(
        summary=summary,
        description=words,
        scope=Scope.WRITE,
        successes={200: SuccessAnswer("Done.", SuccessFlagBody)},
        errors=BATCH_NOT_FOUND_ERRORS | {400: (ErrorBody, "batchId is not an id.")},
    )


@blueprint.delete("/delete-batch/<batch_id>")
@document_operation(
    trash_operation("Delete a batch", "Its calls go with it; an active or paused batch is stopped by it.")
)
def delete_batch(batch_id: str) -> Response:
    """Put a batch into the trash."""
    who, batch_id = require_caller_and_batch_id(Scope.WRITE, batch_id)
    if not actions.delete_batch(who.actor, batch_id):
        raise batch_not_found()
    return success_flag_response(message="Batch deleted")


@blueprint.post("/restore-batch/<batch_id>")
@document_operation(
    trash_operation("Restore a batch", "It comes back with its calls; one that is not deleted stays as it is.")
)
def restore_batch(batch_id: str) -> Response:
    """Take a batch out of the trash."""
    who, batch_id = require_caller_and_batch_id(Scope.WRITE, batch_id)
    if not actions.restore_batch(who.actor, batch_id):
        raise batch_not_found()
    return success_flag_response(message="Batch restored")

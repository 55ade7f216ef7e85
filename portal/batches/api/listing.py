"""The API that lists, creates and changes batches, as the contract defines it."""

from __future__ import annotations

from flask import Response

from portal.accounts.bearer import require_caller, require_caller_with_batch_id_and_body, require_caller_with_body
from portal.api.openapi import (
    BATCH_NOT_FOUND_ERRORS,
    CONDITIONAL_HEADERS,
    INVALID_BODY_ERRORS,
    NOT_MODIFIED,
    Operation,
    SuccessAnswer,
    document_operation,
)
from portal.api.schema import ErrorBody
from portal.batches import actions, query
from portal.batches.api.blueprint import blueprint, require_batch
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import list_json, settings_json
from portal.batches.schema import BatchListBody, BatchSettingsBody, CreatedBody, NoBatchesBody
from portal.batches.settings import BatchChanges, NewBatch, changed_settings, stored_settings
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.models import Scope
from portal.models.list_state import ListState
from portal.web.envelope import success_response
from portal.web.errors import ApiError, batch_not_found
from portal.web.etags import revalidated_response
from portal.web.json_body import read_body
from portal.web.pagination import link_header
from portal.web.strict_input import read_query

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

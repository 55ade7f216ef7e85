"""The API that creates a batch, reads its settings, and changes them (contract, section 5)."""

from __future__ import annotations

from flask import Response

from portal.accounts.bearer import (
    require_caller_and_batch_id,
    require_caller_with_batch_id_and_body,
    require_caller_with_body,
)
from portal.api.openapi import (
    BATCH_NOT_FOUND_ERRORS,
    INVALID_BODY_ERRORS,
    Operation,
    SuccessAnswer,
    document_operation,
)
from portal.api.schema import ErrorBody
from portal.batches import actions, query
from portal.batches.api.blueprint import blueprint, require_batch
from portal.batches.presenter import settings_json
from portal.batches.schema import BatchSettingsBody, ChangedSettingsBody, CreatedBody
from portal.batches.settings import BatchChanges, NewBatch, changed_settings, stored_settings
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.models import Scope
from portal.web.envelope import success_response
from portal.web.errors import batch_not_found
from portal.web.json_body import read_body
from portal.web.strict_input import read_nothing

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


READ_SETTINGS = Operation(
    summary="Get a batch's settings",
    description="The name and all settings of a batch, as they act: also those that were never set.",
    scope=Scope.READ,
    successes={200: SuccessAnswer("The batch's settings.", BatchSettingsBody)},
    errors=BATCH_NOT_FOUND_ERRORS
    | {400: (ErrorBody, "batchId is not an id.", "batchId must be 24 hexadecimal characters")},
)


@blueprint.get("/batch/<batch_id>")
@document_operation(READ_SETTINGS)
def read_settings(batch_id: str) -> Response:
    """Return a batch's name and settings."""
    caller, batch_id = require_caller_and_batch_id(Scope.READ, batch_id)
    batch = query.find_row(caller.list_state.owner_key, batch_id)
    if batch is None:
        raise batch_not_found()
    read_nothing()
    return success_response(settings_json(batch), "Batch settings fetched successfully")


CHANGE_BATCH = Operation(
    summary="Change a batch",
    description="Changes the name or settings of a batch in any status; fields that are not sent do not change. To call"
    ' at any hour again, send callingHour {"start":"00:00","end":"00:00"}; on all days, an empty list; without a'
    " limit, 0; without a scheduled start, an empty startsAt.",
    scope=Scope.WRITE,
    body=BatchChanges,
    successes={200: SuccessAnswer("The batch's settings after the change.", ChangedSettingsBody)},
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

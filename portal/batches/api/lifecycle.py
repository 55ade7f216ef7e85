"""The API that starts, pauses, resumes, stops, deletes and restores batches."""

from __future__ import annotations

from typing import Annotated

from flask import Response
from pydantic import Field

from portal.accounts.bearer import require_caller_and_batch_id, require_caller_with_body
from portal.api.openapi import BATCH_NOT_FOUND_ERRORS, INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.api.schema import USER_ID, ErrorBody, SuccessFlagBody
from portal.batches import actions
from portal.batches.api.blueprint import blueprint, require_batch
from portal.batches.schema import TransitionResultBody
from portal.batches.transitions import BatchAction, IllegalTransition
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.live import Deleted
from portal.models import Scope
from portal.web.envelope import success_flag_response, success_response
from portal.web.errors import ApiError, batch_not_found
from portal.web.field_types import HexId
from portal.web.json_body import read_body
from portal.web.parameters import Parameters
from portal.web.strict_input import read_nothing


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

"""The JSON API of emergency stops: of the token's account. Only admins stop all accounts, on a page."""

from __future__ import annotations

from flask import Blueprint, Response

from portal.accounts.bearer import require_caller_with_body
from portal.api.openapi import INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.dialing.stops import actions, query
from portal.dialing.stops.parameters import StopReason
from portal.dialing.stops.schema import StopBody
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.models import Scope
from portal.web.envelope import success_response
from portal.web.json_body import read_body

blueprint = Blueprint("stops_api", __name__, url_prefix="/api/call")

TAG = "dialing"


@blueprint.post("/emergency-stop")
@document_operation(
    Operation(
        summary="Stop all calls",
        description="Stops all calls of the account at once, over every trunk: open calls are hung up, and no call is"
        " taken, leased or placed until emergency-resume. The statuses of batches do not change. hungUp: the open"
        " calls. A stop that is in force keeps its reason.",
        scope=Scope.WRITE,
        body=StopReason,
        takes_key=True,
        successes={200: SuccessAnswer("The account is stopped.", StopBody)},
        errors=INVALID_BODY_ERRORS,
        tag=TAG,
        example={"reason": "Wrong contact list"},
    )
)
def stop_calls() -> Response:
    """Stop the caller's account."""
    caller, body = require_caller_with_body(Scope.WRITE)
    keyed = begin_keyed_request(caller, body)
    fields = read_body(body, StopReason)

    def stop() -> Response:
        return success_response({"hungUp": actions.stop(caller.actor, fields.reason)}, "All calls stopped")

    return answer_once(keyed, stop)


@blueprint.post("/emergency-resume")
@document_operation(
    Operation(
        summary="Lift the emergency stop",
        description="Lifts the stop of the account: active batches continue at once. A stop of all accounts stays in"
        " force; only an admin can lift it. hungUp is 0.",
        scope=Scope.WRITE,
        body=StopReason,
        takes_key=True,
        successes={200: SuccessAnswer("The account is not stopped.", StopBody)},
        errors=INVALID_BODY_ERRORS,
        tag=TAG,
        example={"reason": "Contact list corrected"},
    )
)
def resume_calls() -> Response:
    """Lift the stop of the caller's account."""
    caller, body = require_caller_with_body(Scope.WRITE)
    keyed = begin_keyed_request(caller, body)
    fields = read_body(body, StopReason)

    def resume() -> Response:
        was_stopped = actions.resume(caller.actor, fields.reason)
        if query.is_stopped(caller.actor.user_key):
            message = "The calls of all accounts are stopped; only an admin can resume them"
        else:
            message = "Calls resumed" if was_stopped else "No emergency stop was in force"
        return success_response({"hungUp": 0}, message)

    return answer_once(keyed, resume)

"""The JSON API of outside dialers: they lease calls, place them, and report events with attemptId."""

from __future__ import annotations

from flask import Blueprint, Response

from portal.accounts.bearer import require_caller_with_body
from portal.accounts.query import Caller
from portal.api.openapi import BATCH_NOT_FOUND_ERRORS, INVALID_BODY_ERRORS, Operation, SuccessAnswer, document_operation
from portal.api.schema import ErrorBody
from portal.dialing.leases import actions
from portal.dialing.leases.actions import BatchMissing, LeaseRefused
from portal.dialing.leases.parameters import HeartbeatBody, LeaseBody, ReleaseBody
from portal.dialing.leases.presenter import leased_call_json
from portal.dialing.leases.schema import HeartbeatAnswer, LeasedBody, ReleaseAnswer
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.models import Scope
from portal.web.envelope import success_response
from portal.web.errors import ApiError, batch_not_found
from portal.web.json_body import read_body

blueprint = Blueprint("leases_api", __name__, url_prefix="/api/call")

TAG = "dialing"


@blueprint.post("/lease")
@document_operation(
    Operation(
        summary="Lease calls",
        description="Takes due calls of active batches that no trunk dials, for an outside dialer to place once, now."
        " Report their events with attemptId (scope write). Without events of its end or a heartbeat until heldUntil,"
        " an attempt is lost: it counts as failed, and no one else gets it.",
        scope=Scope.DIAL,
        body=LeaseBody,
        takes_key=True,
        successes={200: SuccessAnswer("The calls; none if none is due.", LeasedBody)},
        errors=INVALID_BODY_ERRORS
        | BATCH_NOT_FOUND_ERRORS
        | {
            409: (
                ErrorBody,
                "An emergency stop is in force, or the portal dials the batch.",
                "The portal dials this batch over a trunk. Lease calls of another batch",
            )
        },
        tag=TAG,
    )
)
def lease_calls() -> Response:
    """Lease calls."""
    caller, given = require_caller_with_body(Scope.DIAL)
    keyed = begin_keyed_request(caller, given)
    body = read_body(given, LeaseBody)
    return answer_once(keyed, lambda: lease_response(caller, body))


def lease_response(caller: Caller, body: LeaseBody) -> Response:
    """Return the calls that are leased. Raises ApiError 404 and 409."""
    try:
        lease = actions.lease_calls(caller.actor, body.worker, body.limit, body.seconds, body.batch_id)
    except BatchMissing as error:
        raise batch_not_found() from error
    except LeaseRefused as error:
        raise ApiError(409, str(error)) from error
    attempts = [leased_call_json(call, lease.held_until) for call in lease.calls]
    return success_response({"attempts": attempts}, "Calls leased successfully")


@blueprint.post("/heartbeat")
@document_operation(
    Operation(
        summary="Extend leases",
        description="Holds leased attempts for a time from now on. Attempts in gone have ended, were lost, or are not"
        " the account's, or an emergency stop is in force: hang up and do not place them.",
        scope=Scope.DIAL,
        body=HeartbeatBody,
        takes_key=True,
        successes={200: SuccessAnswer("The attempts that are held, and the others.", HeartbeatAnswer)},
        errors=INVALID_BODY_ERRORS,
        tag=TAG,
    )
)
def extend_leases() -> Response:
    """Extend leases."""
    caller, given = require_caller_with_body(Scope.DIAL)
    keyed = begin_keyed_request(caller, given)
    body = read_body(given, HeartbeatBody)

    def extend() -> Response:
        extended, gone = actions.extend_leases(caller.actor, body.attempt_ids, body.seconds)
        return success_response({"extended": extended, "gone": gone}, "Leases extended successfully")

    return answer_once(keyed, extend)


@blueprint.post("/release")
@document_operation(
    Operation(
        summary="Release leases",
        description="Undoes leased attempts that were surely not placed: their calls are due again, and the attempts do"
        " not count. Attempts in gone have ended, were lost, have reported events, or are not the account's.",
        scope=Scope.DIAL,
        body=ReleaseBody,
        takes_key=True,
        successes={200: SuccessAnswer("The attempts that were undone, and the others.", ReleaseAnswer)},
        errors=INVALID_BODY_ERRORS,
        tag=TAG,
    )
)
def release_leases() -> Response:
    """Undo leases."""
    caller, given = require_caller_with_body(Scope.DIAL)
    keyed = begin_keyed_request(caller, given)
    body = read_body(given, ReleaseBody)

    def release() -> Response:
        released, gone = actions.release_leases(caller.actor, body.attempt_ids)
        return success_response({"released": released, "gone": gone}, "Leases released successfully")

    return answer_once(keyed, release)

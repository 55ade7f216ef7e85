"""The JSON API of trunks and caller numbers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response

from portal.accounts.bearer import (
    require_caller,
    require_caller_and_id,
    require_caller_with_body,
    require_caller_with_id_and_body,
)
from portal.api.openapi import INVALID_BODY_ERRORS, Errors, Operation, SuccessAnswer, document_operation
from portal.api.schema import CALLER_NUMBER as CALLER_NUMBER_EXAMPLE
from portal.api.schema import TRUNK_ID, ErrorBody
from portal.idempotency.api import answer_once, begin_keyed_request
from portal.models import Scope
from portal.models.actor import Actor
from portal.trunks import actions, query
from portal.trunks.actions import ChangeRefused
from portal.trunks.parameters import CallerNumberChanges, NewCallerNumber, NewTrunk, PageParameters, TrunkChanges
from portal.trunks.presenter import caller_numbers_json, trunks_json
from portal.trunks.schema import CallerNumberListBody, ChangedIdBody, CreatedIdBody, TrunkListBody
from portal.web.envelope import success_response
from portal.web.errors import ApiError
from portal.web.json_body import read_body
from portal.web.pagination import Page, link_header
from portal.web.parameters import Parameters
from portal.web.strict_input import read_nothing, read_query

blueprint = Blueprint("trunks_api", __name__, url_prefix="/api/call")

TAG = "dialing"
TRUNK, CALLER_NUMBER = "Trunk", "Caller number"
INVALID_PAGE: Errors = {
    400: (ErrorBody, "A parameter is unknown, repeated or out of range.", "limit must be between 1 and 100")
}
INVALID_ID: Errors = {400: (ErrorBody, "The id in the path is not an id.", "trunkId must be 24 hexadecimal characters")}
REFUSED: Errors = {
    409: (
        ErrorBody,
        "The present state does not allow the change; the message says what to do first.",
        "The active batch “Spring” calls from this number. Pause it first",
    )
}


def not_found_errors(noun: str) -> Errors:
    """Return the documentation of a missing trunk or caller number."""
    description = f"The {noun.lower()} does not exist, or belongs to another user."
    return {404: (ErrorBody, description, f"{noun} not found")}


def page_response(nouns: str, page: Page[Any], parameters: Parameters, data: dict[str, Any]) -> Response:
    """Return a page of a list with its Link header."""
    response = success_response(data, f"{nouns} fetched successfully")
    response.headers["Link"] = link_header(parameters, page)
    return response


def apply_change(noun: str, result: str, change: Callable[[Actor, str], bool], by: Actor, row_id: str) -> Response:
    """Return the answer of a change of a trunk or caller number. Raises ApiError 404 and 409."""
    try:
        if not change(by, row_id):
            raise ApiError(404, f"{noun} not found")
    except ChangeRefused as error:
        raise ApiError(409, str(error)) from error
    return success_response(row_id, f"{noun} {result} successfully")


def created_response(noun: str, create: Callable[[], str]) -> Response:
    """Return the id of what `create` makes. Raises ApiError 409."""
    try:
        return success_response(create(), f"{noun} created successfully", 201)
    except ChangeRefused as error:
        raise ApiError(409, str(error)) from error


# --- trunks -----------------------------------------------------------------------------------------------------------


@blueprint.get("/trunks")
@document_operation(
    Operation(
        summary="List trunks",
        description="A page of the account's trunks, the lines over which the portal calls.",
        scope=Scope.READ,
        query=PageParameters,
        successes={200: SuccessAnswer("The page.", TrunkListBody, ("Link",))},
        errors=INVALID_PAGE,
        tag=TAG,
    )
)
def list_trunks() -> Response:
    """Return a page of the caller's trunks."""
    owner_key = require_caller(Scope.READ).actor.user_key
    parameters = read_query(PageParameters)
    page = query.fetch_trunks(owner_key, parameters.page, parameters.limit)
    return page_response("Trunks", page, parameters, trunks_json(page))


@blueprint.post("/trunks")
@document_operation(
    Operation(
        summary="Create a trunk",
        description="Creates a trunk. A batch is dialed by the portal if its callingNumbers belong to a trunk. A"
        " simulator calls no real number.",
        scope=Scope.WRITE,
        body=NewTrunk,
        takes_key=True,
        successes={201: SuccessAnswer("The new trunk's id.", CreatedIdBody)},
        errors=INVALID_BODY_ERRORS | REFUSED,
        tag=TAG,
        example={
            "name": "Try it",
            "kind": "simulator",
            "lines": 10,
            "perSecond": 5,
            "ringSeconds": 30,
            "settings": {"answer": 0.6, "speed": 10},
        },
    )
)
def create_trunk() -> Response:
    """Create a trunk."""
    caller, body = require_caller_with_body(Scope.WRITE)
    keyed = begin_keyed_request(caller, body)
    fields = read_body(body, NewTrunk)
    return answer_once(keyed, lambda: created_response(TRUNK, lambda: actions.add_trunk(caller.actor, fields)))


@blueprint.patch("/trunks/<trunk_id>")
@document_operation(
    Operation(
        summary="Change a trunk",
        description="Changes a trunk; fields that are not sent do not change. Another kind or address needs its"
        " secret. With held, no call is placed over the trunk.",
        scope=Scope.WRITE,
        body=TrunkChanges,
        successes={200: SuccessAnswer("The trunk's id.", ChangedIdBody)},
        errors=INVALID_BODY_ERRORS | not_found_errors(TRUNK) | REFUSED,
        tag=TAG,
        example={"lines": 20, "held": True},
    )
)
def change_trunk(trunk_id: str) -> Response:
    """Change a trunk."""
    caller, body, trunk_id = require_caller_with_id_and_body(Scope.WRITE, "trunkId", trunk_id)
    if query.find_trunk(caller.actor.user_key, trunk_id) is None:
        raise ApiError(404, f"{TRUNK} not found")
    changes = read_body(body, TrunkChanges)
    return apply_change(
        TRUNK, "updated", lambda by, row_id: actions.change_trunk(by, row_id, changes), caller.actor, trunk_id
    )


@blueprint.delete("/trunks/<trunk_id>")
@document_operation(
    Operation(
        summary="Remove a trunk",
        description="Removes a trunk to which no caller number belongs.",
        scope=Scope.WRITE,
        successes={200: SuccessAnswer("The trunk's id.", ChangedIdBody)},
        errors=not_found_errors(TRUNK) | REFUSED | INVALID_ID,
        tag=TAG,
    )
)
def delete_trunk(trunk_id: str) -> Response:
    """Remove a trunk."""
    caller, trunk_id = require_caller_and_id(Scope.WRITE, "trunkId", trunk_id)
    read_nothing()
    return apply_change(TRUNK, "removed", actions.remove_trunk, caller.actor, trunk_id)


# --- caller numbers ---------------------------------------------------------------------------------------------------


@blueprint.get("/caller-numbers")
@document_operation(
    Operation(
        summary="List caller numbers",
        description="A page of the account's caller numbers. Their ids are the phone ids that callingNumbers takes.",
        scope=Scope.READ,
        query=PageParameters,
        successes={200: SuccessAnswer("The page.", CallerNumberListBody, ("Link",))},
        errors=INVALID_PAGE,
        tag=TAG,
    )
)
def list_caller_numbers() -> Response:
    """Return a page of the caller numbers."""
    owner_key = require_caller(Scope.READ).actor.user_key
    parameters = read_query(PageParameters)
    page = query.fetch_caller_numbers(owner_key, parameters.page, parameters.limit)
    return page_response("Caller numbers", page, parameters, caller_numbers_json(page))


@blueprint.post("/caller-numbers")
@document_operation(
    Operation(
        summary="Add a caller number",
        description="Adds a number from which batches call. The portal dials batches that call from numbers of a trunk;"
        " another dialer dials the others.",
        scope=Scope.WRITE,
        body=NewCallerNumber,
        takes_key=True,
        successes={201: SuccessAnswer("The new caller number's id.", CreatedIdBody)},
        errors=INVALID_BODY_ERRORS | REFUSED,
        tag=TAG,
        example={"phoneNumber": CALLER_NUMBER_EXAMPLE, "label": "Main line", "trunkId": TRUNK_ID},
    )
)
def create_caller_number() -> Response:
    """Add a caller number."""
    caller, body = require_caller_with_body(Scope.WRITE)
    keyed = begin_keyed_request(caller, body)
    fields = read_body(body, NewCallerNumber, caller.region)
    return answer_once(
        keyed, lambda: created_response(CALLER_NUMBER, lambda: actions.add_caller_number(caller.actor, fields))
    )


@blueprint.patch("/caller-numbers/<number_id>")
@document_operation(
    Operation(
        summary="Change a caller number",
        description="Changes the label or the trunk; fields that are not sent do not change. While an active batch"
        " calls from the number, it can move to another trunk, but not to or from another dialer.",
        scope=Scope.WRITE,
        body=CallerNumberChanges,
        successes={200: SuccessAnswer("The caller number's id.", ChangedIdBody)},
        errors=INVALID_BODY_ERRORS | not_found_errors(CALLER_NUMBER) | REFUSED,
        tag=TAG,
        example={"label": "Support", "trunkId": "none"},
    )
)
def change_caller_number(number_id: str) -> Response:
    """Change a caller number."""
    caller, body, number_id = require_caller_with_id_and_body(Scope.WRITE, "numberId", number_id)
    if query.find_caller_number(caller.actor.user_key, number_id) is None:
        raise ApiError(404, f"{CALLER_NUMBER} not found")
    changes = read_body(body, CallerNumberChanges)

    def change(by: Actor, row_id: str) -> bool:
        return actions.change_caller_number(by, row_id, changes)

    return apply_change(CALLER_NUMBER, "updated", change, caller.actor, number_id)


@blueprint.delete("/caller-numbers/<number_id>")
@document_operation(
    Operation(
        summary="Remove a caller number",
        description="Removes a caller number from which no active batch calls over a trunk. Batches keep the number.",
        scope=Scope.WRITE,
        successes={200: SuccessAnswer("The caller number's id.", ChangedIdBody)},
        errors=not_found_errors(CALLER_NUMBER) | REFUSED | INVALID_ID,
        tag=TAG,
    )
)
def delete_caller_number(number_id: str) -> Response:
    """Remove a caller number."""
    caller, number_id = require_caller_and_id(Scope.WRITE, "numberId", number_id)
    read_nothing()
    return apply_change(CALLER_NUMBER, "removed", actions.remove_caller_number, caller.actor, number_id)

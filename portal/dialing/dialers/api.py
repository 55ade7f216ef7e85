"""The JSON API of the dialer."""

from __future__ import annotations

from flask import Blueprint, Response

from portal.accounts.bearer import require_caller
from portal.api.openapi import Errors, Operation, SuccessAnswer, document_operation
from portal.api.schema import ErrorBody
from portal.dialing.dialers import query
from portal.dialing.dialers.presenter import dialer_json
from portal.dialing.dialers.schema import DialerBody
from portal.dialing.query import count_waiting
from portal.models import Scope
from portal.times import now_ms
from portal.trunks.actions import MAX_TRUNKS
from portal.trunks.query import fetch_trunks
from portal.web.envelope import success_response
from portal.web.strict_input import read_nothing

blueprint = Blueprint("dialer_api", __name__, url_prefix="/api/call")

INVALID: Errors = {400: (ErrorBody, "A parameter was sent; there is none.", "page: unknown parameter")}


@blueprint.get("/dialer")
@document_operation(
    Operation(
        summary="Get the state of dialing",
        description="The dialer processes of the portal that run now, the account's trunks with their lines in use, and"
        " how many calls of the account's active batches wait, by the reason. It counts at most 10,000.",
        scope=Scope.READ,
        successes={200: SuccessAnswer("The state.", DialerBody)},
        errors=INVALID,
        tag="dialing",
    )
)
def read_dialer() -> Response:
    """Return the state of dialing."""
    owner_key = require_caller(Scope.READ).actor.user_key
    read_nothing()
    trunks = fetch_trunks(owner_key, 1, MAX_TRUNKS).rows
    data = dialer_json(query.list_dialers(now_ms()), trunks, count_waiting(owner_key))
    return success_response(data, "Dialer fetched successfully")

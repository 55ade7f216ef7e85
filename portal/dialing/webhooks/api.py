"""The endpoint that providers call. It takes forms instead of JSON, and a signature instead of a token.

Events of an attempt lead to the same state in any order and number, so a repeated callback needs no memory of its own:
what it reports and what follows is one transaction. An unknown attempt is no error, because its batch may be deleted.
"""

from __future__ import annotations

from flask import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from portal.dialing.engines import (
    SIGNATURE_HEADER,
    EngineEvent,
    ForgedCallback,
    InvalidCallback,
    parse_callback,
)
from portal.dialing.reports import apply_engine_events
from portal.dialing.trunk_engines import callback_url
from portal.dialing.webhooks import query
from portal.ids import parse_id
from portal.models import Trunk
from portal.times import now_ms
from portal.trunks.actions import read_secret
from portal.web.envelope import success_response
from portal.web.errors import ApiError

blueprint = Blueprint("webhooks_api", __name__, url_prefix="/api/call/webhooks")

MAX_BYTES = 20_000


@blueprint.post("/<trunk_id>")
def receive_callback(trunk_id: str) -> Response:
    """Store what a provider reports of a call."""
    trunk = query.find_provider_trunk(parse_id(trunk_id) or "")
    if trunk is None:
        raise ApiError(404, "Trunk not found")
    owner_key = trunk.owner_key
    events = read_callback(trunk)
    apply_engine_events(owner_key, events)
    return success_response(None, "Callback received")


def read_callback(trunk: Trunk) -> list[EngineEvent]:
    """Return what the request reports. Raises ApiError 403, 400 and 413.

    The provider signed the address that the portal gave it. Proxies may have changed it since.
    """
    request.max_content_length = request.max_form_memory_size = MAX_BYTES
    url = f"{callback_url(trunk.id)}?{request.query_string.decode('latin-1')}"
    try:
        fields = list(request.form.items(multi=True))
    except RequestEntityTooLarge:
        raise ApiError(413, f"The body must be at most {MAX_BYTES:,} bytes") from None
    try:
        secret = read_secret(trunk)
        if secret is None:
            raise ForgedCallback
        return parse_callback(url, fields, request.headers.get(SIGNATURE_HEADER, ""), secret, now_ms())
    except ForgedCallback:
        raise ApiError(
            403, f"{SIGNATURE_HEADER} must be the signature of PUBLIC_URL's address and the fields"
        ) from None
    except InvalidCallback as error:
        raise ApiError(400, str(error)) from error

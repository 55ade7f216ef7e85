"""Refuse what an API call does not take: nothing in a request is silently ignored (contract, section 1)."""

from __future__ import annotations

import re
from typing import TypeVar
from urllib.parse import unquote_plus

from flask import current_app, request

from portal.web.errors import ApiError
from portal.web.parameters import Parameters, parse_query
from portal.web.validation_messages import truncate

IDEMPOTENCY_KEY = "Idempotency-Key"
VALID_KEY = re.compile(r"[!-~]{1,200}")
EMPTY_BODIES = (b"", b"{}", b"null")  # clients that always send JSON send these

Model = TypeVar("Model", bound=Parameters)


def read_query(model: type[Model]) -> Model:
    """Return the parameters of a call that takes only a query. Raises InvalidParameter and ApiError 400."""
    refuse_body()
    read_idempotency_key()
    return parse_query(request.query_string, model).or_refuse()


def read_nothing() -> None:
    """Check a call that takes neither query nor body. Raises ApiError 400."""
    refuse_body()
    refuse_query()
    read_idempotency_key()


def refuse_query() -> None:
    """Raise ApiError 400 if there is a query string, even one without values: `?dryRun` must not be ignored."""
    query = request.query_string
    if query:
        name = unquote_plus(query.decode("latin-1").partition("&")[0].partition("=")[0])
        raise ApiError(400, f"{truncate(name)} is not a known parameter; send this request without a query string")


def refuse_body() -> None:
    """Raise ApiError 400 if there is a body other than an empty JSON object."""
    has_body = request.content_length or "Transfer-Encoding" in request.headers
    if has_body and b"".join(request.get_data().split()) not in EMPTY_BODIES:
        raise ApiError(400, "This request takes no body; send it without one")


def read_idempotency_key() -> str:
    """Return the Idempotency-Key, or "" without one. Raises ApiError 400 if it is invalid or has no effect here."""
    key = request.headers.get(IDEMPOTENCY_KEY)
    if key is None:
        return ""
    operation = getattr(current_app.view_functions[request.endpoint or ""], "operation", None)
    if operation is None or not operation.takes_key:
        raise ApiError(400, f"{IDEMPOTENCY_KEY} has no effect on this request; send it without the header")
    if not VALID_KEY.fullmatch(key):
        raise ApiError(400, f"{IDEMPOTENCY_KEY} must have 1 to 200 visible ASCII characters")
    return key

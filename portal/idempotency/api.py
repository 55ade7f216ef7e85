"""Idempotency-Key in the API: read the header, return stored answers, and refuse a key with another request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from flask import Response, abort, request

from portal.accounts.query import Caller
from portal.idempotency import actions
from portal.idempotency.actions import KeyedRequest, KeyUsed
from portal.web.errors import ApiError
from portal.web.strict_input import read_idempotency_key


def begin_keyed_request(caller: Caller, body: Any) -> KeyedRequest | None:
    """Return the request with its key, or None without one; end it here if it has been answered before.

    `body` is the parsed body: the order of its names and the boundaries of a form do not matter. Raises ApiError 400
    for an invalid key, and 422 if the key belongs to another request.
    """
    key = read_idempotency_key()
    if not key:
        return None
    content = json.dumps([request.endpoint, request.query_string.decode("latin-1"), body], sort_keys=True)
    keyed = KeyedRequest.of(caller.token_key, key, content)
    try:
        answer = actions.find_answer(keyed)
    except KeyUsed as error:
        raise key_used() from error
    if answer:
        abort(answer)
    return keyed


def answer_once(keyed: KeyedRequest | None, build: Callable[[], Response]) -> Response:
    """Return the answer of `build`, which makes the change; with a key, at most once. Raises ApiError 422."""
    if keyed is None:
        return build()
    try:
        return actions.answer_once(keyed, build)
    except KeyUsed as error:
        raise key_used() from error


def key_used() -> ApiError:
    """Return the error for a key that was used with another request."""
    return ApiError(422, "Idempotency-Key was used for another request; send a new key with each new request")

"""Authenticate API requests by token. Browser sessions do not count here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flask import current_app, g, request

from portal.accounts import actions, query
from portal.accounts.tokens import split_token
from portal.ids import parse_id
from portal.limits import rate_limits
from portal.models import Scope
from portal.times import now_ms
from portal.web.errors import ApiError
from portal.web.json_body import read_json_object


def require_caller(scope: Scope, **sent_ids: object) -> query.Caller:
    """Return the caller once the token, the ids (by the names that were sent), the user and the scope are checked.

    The order of the checks is that of the contract, section 2. Raises ApiError 401, 400 or 403.
    """
    caller = authenticate()
    check_request_ids(caller, scope, sent_ids)
    return caller


def require_caller_and_id(scope: Scope, name: str, sent: str) -> tuple[query.Caller, str]:
    """Return the caller and an id of the path in lower case; `name` is its name in the contract.

    Raises ApiError 401, 400 or 403.
    """
    caller = authenticate()
    return caller, check_request_ids(caller, scope, {name: sent})[name]


def require_caller_and_batch_id(scope: Scope, batch_id: str) -> tuple[query.Caller, str]:
    """Return the caller and the batch id of a path in lower case. Raises ApiError 401, 400 or 403."""
    return require_caller_and_id(scope, "batchId", batch_id)


def require_caller_with_body(scope: Scope) -> tuple[query.Caller, dict[str, Any]]:
    """Return the caller and the JSON object of the body, its userId and batchId in lower case.

    Raises ApiError 401, 400 or 403; then 413, 415 or 400 for an invalid body.
    """
    caller = authenticate()
    body = read_body_of(caller, scope, {})
    sent_ids = {name: body[name] for name in ("userId", "batchId") if body.get(name) is not None}
    return caller, body | check_request_ids(caller, scope, sent_ids)


def require_caller_with_id_and_body(scope: Scope, name: str, sent: str) -> tuple[query.Caller, dict[str, Any], str]:
    """Return the caller, the JSON object of the body, and an id of the path in lower case.

    Raises ApiError 401, 400 or 403; then 413, 415 or 400 for an invalid body.
    """
    caller = authenticate()
    body = read_body_of(caller, scope, {name: sent})
    return caller, body, check_request_ids(caller, scope, {name: sent})[name]


def require_caller_with_batch_id_and_body(scope: Scope, batch_id: str) -> tuple[query.Caller, dict[str, Any], str]:
    """Return the caller, the body, and the batch id of the path. Raises as `require_caller_with_id_and_body` does."""
    return require_caller_with_id_and_body(scope, "batchId", batch_id)


def read_body_of(caller: query.Caller, scope: Scope, path_ids: Mapping[str, object]) -> dict[str, Any]:
    """Return the JSON object of the body. An error of ids or scope comes before an error of the body."""
    try:
        return read_json_object()
    except ApiError:
        check_request_ids(caller, scope, path_ids)
        raise


def check_request_ids(caller: query.Caller, scope: Scope, sent_ids: Mapping[str, object]) -> dict[str, str]:
    """Return the ids of a request in lower case. Raises ApiError 400 or 403, in the order of the contract."""
    ids = {name: parse_id(sent) if isinstance(sent, str) else None for name, sent in sent_ids.items()}
    if invalid := [name for name, value in ids.items() if value is None]:
        raise ApiError(400, f"{invalid[0]} must be 24 hexadecimal characters")
    if ids.get("userId", caller.user_id) != caller.user_id:
        raise ApiError(403, "userId must be the id of the token's own user")
    if scope not in caller.scopes:
        raise ApiError(403, f"This token lacks the scope {scope}")
    return {name: value for name, value in ids.items() if value}


def authenticate() -> query.Caller:
    """Return the owner of the request's token.

    Raises the same ApiError 401 for every invalid token, and 429 above the rate limit.
    """
    token_id, secret = split_token(read_token())
    caller = query.find_caller(token_id, secret, now_ms()) if token_id else None
    if caller is None:
        rate_limits.count_address()
        raise ApiError(401, headers={"WWW-Authenticate": "Bearer"})
    g.caller = (caller.user_id, token_id)  # for the request log
    rate_limits.count_token(token_id)
    if now_ms() - (caller.last_used_at or 0) > current_app.config["TOKEN_TOUCH_SECONDS"] * 1000:
        actions.record_token_use(caller.token_key)
    return caller


def read_token() -> str:
    """Return the token from `Authorization: Bearer`, or else from `x-api-key`."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("X-Api-Key", "").strip()

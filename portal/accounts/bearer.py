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


def require_caller(scope: Scope, **ids: object) -> query.Caller:
    """Return the caller, if the token is valid, all `ids` are ids, userId is the caller's, and the scope fits.

    `ids` maps the names of the request to their values, None if missing. The order of the checks is that of the
    contract, section 2. Raises ApiError 401, 400, 403 or 429.
    """
    caller = authenticate()
    check_request_ids(caller, scope, ids)
    return caller


def require_caller_with_body(scope: Scope) -> tuple[query.Caller, dict[str, Any]]:
    """Return the caller and the JSON object of the request; its ids are checked as in `require_caller`.

    Raises ApiError 401, 400, 403 or 429; then 413, 415 or 400 for an unreadable body.
    """
    caller = authenticate()
    try:
        body = read_json_object()
    except ApiError:
        check_request_ids(caller, scope, {})
        raise
    check_request_ids(caller, scope, {name: body[name] for name in ("userId", "batchId") if name in body})
    return caller, body


def check_request_ids(caller: query.Caller, scope: Scope, ids: Mapping[str, object]) -> None:
    """Raise ApiError 400 or 403, as `require_caller` describes."""
    for name, value in ids.items():
        if parse_id(value if isinstance(value, str) else "") is None:
            raise ApiError(400, f"{name} must be 24 hexadecimal characters")
    if "userId" in ids and parse_id(str(ids["userId"])) != caller.user_id:
        raise ApiError(403, "This token belongs to another user than userId")
    if scope not in caller.scopes:
        raise ApiError(403, f"This token lacks the scope {scope}")


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

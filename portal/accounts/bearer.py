"""Who is asking the API: a token, and nothing else; a browser's session never counts here."""

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
    """The caller, once the token is good, every one of the `ids` is an id, userId is theirs, and they have `scope`.

    The ids by the names they were sent under, None where one was not. The order of the checks is the contract's,
    section 2. Raises ApiError 401, 400 or 403.
    """
    found = authenticate()
    check_request_ids(found, scope, ids)
    return found


def require_caller_with_body(scope: Scope) -> tuple[query.Caller, dict[str, Any]]:
    """The caller, and the JSON object that they sent; the ids in it are looked at as `caller` does.

    Raises ApiError 401, 400, 403; then 413, 415 or 400 for a body that cannot be read.
    """
    found = authenticate()
    try:
        given = read_json_object()
    except ApiError:
        check_request_ids(found, scope, {})
        raise
    check_request_ids(found, scope, {name: given[name] for name in ("userId", "batchId") if name in given})
    return found, given


def check_request_ids(found: query.Caller, scope: Scope, ids: Mapping[str, object]) -> None:
    """Raises ApiError 400 or 403, as `caller` has it."""
    for name, sent in ids.items():
        if parse_id(sent if isinstance(sent, str) else "") is None:
            raise ApiError(400, f"{name} must be 24 hexadecimal characters")
    if "userId" in ids and parse_id(str(ids["userId"])) != found.user_id:
        raise ApiError(403, "This token belongs to another user than userId")
    if scope not in found.scopes:
        raise ApiError(403, f"This token lacks the scope {scope}")


def authenticate() -> query.Caller:
    """Whoever the request's token speaks for.

    Raises ApiError 401 for every token that is not good, alike for all, and 429 where there were too many requests.
    """
    token_id, secret = split_token(read_token())
    found = query.find_caller(token_id, secret, now_ms()) if token_id else None
    if found is None:
        rate_limits.count_address()
        raise ApiError(401, headers={"WWW-Authenticate": "Bearer"})
    g.caller = (found.user_id, token_id)  # for the log
    rate_limits.count_token(token_id)
    if now_ms() - (found.last_used_at or 0) > current_app.config["TOKEN_TOUCH_SECONDS"] * 1000:
        actions.record_token_use(found.token_key)
    return found


def read_token() -> str:
    """The token as it was sent: `Authorization: Bearer`, or else `x-api-key`."""
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer" and token.strip():
        return token.strip()
    return request.headers.get("X-Api-Key", "").strip()

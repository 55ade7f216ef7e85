"""Parse JSON request bodies into frozen models, by the same rules as query strings (portal/web/parameters.py)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from portal.text import find_forbidden_character
from portal.times import UTC
from portal.web.errors import ApiError
from portal.web.parameters import Model, parse_fields
from portal.web.strict_input import read_idempotency_key, refuse_query
from portal.web.validation_messages import truncate

MAX_DEPTH = 20  # levels, including the body itself; more than the API needs, and safe for Python's stack
MAX_NAMES = 1000  # of one object; a wrong name costs far more than a valid one
MAX_CONTAINERS = 400_000  # objects and lists; an empty one takes 64 bytes of memory
CONTAINERS = (dict, list)
TOO_DEEP = f"must not be nested deeper than {MAX_DEPTH} levels"
LINE_BREAKS = str.maketrans("\r\n\t", "   ")


class JsonError(ValueError):
    """Text that is not an acceptable JSON object; the message is a predicate such as "is not JSON"."""


def read_json_object() -> dict[str, Any]:
    """Return the JSON object of the request body. Raises ApiError 413, 415 or 400."""
    request.max_content_length = current_app.config["BODY_BYTES"]
    if request.mimetype != "application/json":
        raise ApiError(415, "The content type must be application/json")
    refuse_compressed_body()
    try:
        raw = request.get_data()
    except RequestEntityTooLarge:
        raise ApiError(413, f"The body must be at most {current_app.config['BODY_BYTES']:,} bytes") from None
    if not raw.strip():
        raise ApiError(400, "The body is empty; send a JSON object")
    try:
        return parse_json_object(raw)
    except JsonError as error:
        raise ApiError(400, f"The body {error}") from error


def parse_json_object(raw: bytes | str) -> dict[str, Any]:
    """Return a JSON object, under the rules of `parse_json`. Raises JsonError."""
    value = parse_json(raw)
    if not isinstance(value, dict):
        raise JsonError("must be a JSON object")
    return value


def parse_json(raw: bytes | str) -> Any:
    """Return a JSON value with unique names, finite numbers, and limited depth and width. Raises JsonError.

    A byte order mark before it is ignored, as RFC 8259, section 8.1, allows: some Windows programs write one.
    """
    try:
        text = raw.decode("utf-8-sig") if isinstance(raw, bytes) else raw
        if text.count("[") + text.count("{") > MAX_CONTAINERS:
            raise JsonError(f"must have at most {MAX_CONTAINERS:,} objects and lists")
        value = json.loads(text, object_pairs_hook=build_object, parse_constant=reject_constant)
    except JsonError:
        raise
    except UnicodeDecodeError:
        raise JsonError("is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"is not JSON: line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise JsonError(TOO_DEEP) from None
    except ValueError:
        raise JsonError("has a number with too many digits") from None
    check_depth(value)
    return value


def check_depth(value: Any) -> None:
    """Check the nesting level by level, before other code visits the values. Raises JsonError."""
    level: list[Any] = [value] if isinstance(value, CONTAINERS) else []
    for _ in range(MAX_DEPTH):
        members = [container.values() if isinstance(container, dict) else container for container in level]
        level = [member for values in members for member in values if isinstance(member, CONTAINERS)]
        if not level:
            return
    raise JsonError(TOO_DEEP)


def build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the pairs as an object. Raises JsonError for a repeated name and for too many names."""
    if len(pairs) > MAX_NAMES:
        raise JsonError(f"has an object with more than {MAX_NAMES:,} names; send fewer")
    members: dict[str, Any] = {}
    for name, value in pairs:
        if name in members:
            raise JsonError(f"has {truncate(name)} more than once")
        members[name] = value
    return members


def reject_constant(constant: str) -> Any:
    """Raise JsonError for NaN and Infinity, which Python's parser would accept."""
    raise JsonError(f"is not JSON: {constant} is not a number")


def refuse_compressed_body() -> None:
    """Raise ApiError 415 for a compressed body: its size would be unknown before it is unpacked."""
    if (encoding := request.headers.get("Content-Encoding", "identity").lower()) not in ("", "identity"):
        raise ApiError(415, f"Send the body without Content-Encoding: {truncate(encoding)} is not supported")


def read_body(given: dict[str, Any], model: type[Model], region: str = "") -> Model:
    """Return the object of a request without a query as a `model`.

    Raises InvalidParameter, which names each field by its path, and ApiError 400 for a query or a useless header.
    """
    refuse_query()
    read_idempotency_key()
    return parse_fields(given, model, UTC, {}, region).or_refuse()


def check_value(value: Any) -> None:
    """Check that a parsed JSON value can be stored. Raises ValueError."""
    if isinstance(value, str) and (forbidden := find_forbidden_character(value.translate(LINE_BREAKS))):
        raise ValueError(f"must not hold {forbidden}")
    if isinstance(value, float) and abs(value) > 1e300:
        raise ValueError("must not hold such a large number")
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise ValueError("must not hold such a large number")
    if isinstance(value, Mapping):
        for name, member in value.items():
            check_value(name)
            check_value(member)
    if isinstance(value, list):
        for item in value:
            check_value(item)

"""From a request's body to a frozen model: the same rules as for addresses (portal/web/parameters.py), in JSON."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from flask import current_app, request
from werkzeug.exceptions import RequestEntityTooLarge

from portal.text import find_forbidden_character
from portal.times import UTC
from portal.web.errors import ApiError
from portal.web.parameters import Model, parse_fields, truncate

# Deeper than any body of ours, and far from what Python's stack holds; objects and lists, the body itself counted.
MAX_DEPTH = 20
CONTAINERS = (dict, list)
TOO_DEEP = f"is nested deeper than {MAX_DEPTH} levels"
LINE_BREAKS = str.maketrans("\r\n\t", "   ")


class JsonError(ValueError):
    """A text that is not the JSON that is taken here; the message says why."""


def read_json_object() -> dict[str, Any]:
    """The body's JSON object. Raises ApiError 413, 415 or 400."""
    request.max_content_length = current_app.config["BODY_BYTES"]
    if request.mimetype != "application/json":
        raise ApiError(415, "The content type must be application/json")
    try:
        raw = request.get_data()
    except RequestEntityTooLarge:
        raise ApiError(413, f"The body must hold at most {current_app.config['BODY_BYTES']:,} bytes") from None
    try:
        return parse_json_object(raw)
    except JsonError as error:
        raise ApiError(400, f"The body {error}") from error


def parse_json_object(raw: bytes | str) -> dict[str, Any]:
    """Parse a JSON object. Raises JsonError."""
    found = parse_json(raw)
    if not isinstance(found, dict):
        raise JsonError("must be a JSON object")
    return found


def parse_json(raw: bytes | str) -> Any:
    """Parse JSON with unique names, without NaN and Infinity, and at most MAX_DEPTH levels deep. Raises JsonError."""
    try:
        text = raw.decode() if isinstance(raw, bytes) else raw
        found = json.loads(text, object_pairs_hook=reject_duplicate_names, parse_constant=reject_constant)
    except JsonError:
        raise
    except UnicodeDecodeError:
        raise JsonError("is not valid UTF-8") from None
    except json.JSONDecodeError as error:
        raise JsonError(f"is not JSON: line {error.lineno}, column {error.colno}") from None
    except RecursionError:
        raise JsonError(TOO_DEEP) from None
    except ValueError:
        raise JsonError("holds a number of too many digits") from None
    check_depth(found)
    return found


def check_depth(found: Any) -> None:
    """That a body is not nested too deep, level by level, before anything looks at its values. Raises BadJson."""
    level: list[Any] = [found] if isinstance(found, CONTAINERS) else []
    for _ in range(MAX_DEPTH):
        values = [one.values() if isinstance(one, dict) else one for one in level]
        level = [value for inner in values for value in inner if isinstance(value, CONTAINERS)]
        if not level:
            return
    raise JsonError(TOO_DEEP)


def reject_duplicate_names(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names stand once. Raises BadJson."""
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise JsonError(f"holds {truncate(name)} more than once")
        found[name] = value
    return found


def reject_constant(word: str) -> Any:
    """NaN and Infinity are no JSON. Raises BadJson."""
    raise JsonError(f"is not JSON: {word} is not a number")


def read_body(given: dict[str, Any], model: type[Model], region: str = "") -> Model:
    """The object as a `model`. Raises BadParameter, which names each field by its path."""
    return parse_fields(given, model, UTC, {}, region).or_refuse()


def check_value(value: Any) -> None:
    """That a value of any kind, out of a body that is not too deep, can be kept. Raises ValueError with the reason."""
    if isinstance(value, str) and (found := find_forbidden_character(value.translate(LINE_BREAKS))):
        raise ValueError(f"must not hold {found}")
    if isinstance(value, float) and abs(value) > 1e300:
        raise ValueError("must not hold so large a number")
    if isinstance(value, int) and abs(value) >= 1 << 63:
        raise ValueError("must not hold so large a number")
    if isinstance(value, Mapping):
        for name, inner in value.items():
            check_value(name)
            check_value(inner)
    if isinstance(value, list):
        for inner in value:
            check_value(inner)

"""Messages for invalid request fields, from Pydantic's validation errors."""

from __future__ import annotations

from types import NoneType
from typing import Any, get_args

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

# Messages by Pydantic's error type; numbers have messages of their own, with their bounds if they have both.
TYPE_MESSAGES = {
    "int_type": "must be a whole number",
    "string_type": "must be text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


def explain_error(name: str, detail: ErrorDetails, model: type[BaseModel]) -> str:
    """Return a sentence that starts with the name and says what to change."""
    context = detail.get("ctx", {})
    fields = {info.alias or field: info for field, info in model.model_fields.items()}
    field = fields.get(name)
    bounds = {type(rule).__name__: rule for rule in (list_rules(field) if field else ())}
    kind = detail["type"]
    if kind == "extra_forbidden":
        known = f"; use {', '.join(fields)}" if len(detail["loc"]) == 1 else ""
        return f"{truncate(name)} is not a known parameter{known}"
    if kind in TYPE_MESSAGES:
        return f"{name} {TYPE_MESSAGES[kind]}"
    if kind in ("greater_than_equal", "less_than_equal") and len(detail["loc"]) > 1:
        return f"{name} must be {'at least' if 'ge' in context else 'at most'} {context.get('ge', context.get('le'))}"
    if kind == "missing":
        return f"{name} is required"
    if "Ge" in bounds and "Le" in bounds:
        ending = ", as a whole number" if kind == "value_error" and "whole" in str(context["error"]) else ""
        return f"{name} must be between {bounds['Ge'].ge} and {bounds['Le'].le}{ending}"
    if kind == "value_error":
        return f"{name} {context['error']}"
    if kind in ("enum", "literal_error"):
        number = "one or more of" if field and isinstance(field.default, tuple) else "one of"
        return f"{name} must be {number} {context['expected'].replace(chr(39), '').replace(' or ', ', ')}"
    if kind in ("too_short", "too_long"):
        limit, count = ("least", context["min_length"]) if kind == "too_short" else ("most", context["max_length"])
        return f"{name} must have at {limit} {count} {'item' if count == 1 else 'items'}"
    if kind == "string_too_long":
        return f"{name} must be at most {context['max_length']} characters"
    if kind == "string_too_short":
        minimum = context["min_length"]
        return f"{name} must be at least {minimum} characters" if minimum > 1 else f"{name} must not be empty"
    return f"{name} is invalid: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def list_rules(field: FieldInfo) -> list[Any]:
    """Return the rules of a field, of an optional one too."""
    choices = get_args(field.annotation)
    optional = [rule for choice in choices for rule in getattr(choice, "__metadata__", ()) if NoneType in choices]
    return [*field.metadata, *(rule for choice in optional for rule in getattr(choice, "metadata", ()))]


def field_path(path: tuple[int | str, ...]) -> str:
    """Return the path of a value: limit, callingHour.start, events[3].callStatus."""
    first, *inner = path
    return str(first) + "".join(f"[{step}]" if isinstance(step, int) else f".{truncate(step)}" for step in inner)


def truncate(name: str) -> str:
    """Return a name from a request, shortened for use in a message."""
    return name if len(name) <= 60 else f"{name[:60]}…"

"""Parse a query string, a form or a JSON object into a frozen model, with a message for each invalid value.

The OpenAPI document is built from the same models, so it cannot differ from the validation.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import parse_qsl, quote_plus

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    ValidationError,
    model_validator,
)
from pydantic_core import CoreSchema

from portal.text import find_forbidden_character
from portal.web.validation_messages import explain_error, field_path, truncate

MAX_PARAMETERS = 200  # no link of the portal comes close


class InvalidParameter(Exception):
    """Invalid values: `problems` maps each name to one sentence that starts with it and says what to change."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(next(iter(problems.values())))
        self.problems = dict(problems)


def stop_lists_early(schema: Any) -> Any:
    """Set `fail_fast` on every list and tuple in a Pydantic core schema."""
    if isinstance(schema, dict):
        members = {name: stop_lists_early(member) for name, member in schema.items()}
        return members | ({"fail_fast": True} if schema.get("type") in ("list", "tuple", "set") else {})
    return [stop_lists_early(member) for member in schema] if isinstance(schema, list) else schema


class Parameters(BaseModel):
    """A set of parameters: immutable, closed to unknown names, and convertible back to a query string.

    In JSON, null means "not given" (contract, section 3): an optional field has its default, a required one is missing.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let each list stop at its first invalid item: the work for a request must not grow with its mistakes."""
        return stop_lists_early(handler(source))

    @model_validator(mode="before")
    @classmethod
    def drop_nulls(cls, given: Any) -> Any:
        """Leave out the known fields that are null. Unknown ones stay, so that they are refused."""
        if not (isinstance(given, dict) and None in given.values()):
            return given
        known = set(known_names(cls))
        return {name: value for name, value in given.items() if value is not None or name not in known}

    def pairs(self, always: Iterable[str] = (), **changes: Any) -> list[tuple[str, str]]:
        """Return name and text of every value that differs from its default, or whose field is in `always`.

        `changes` replace the values of their fields without validation.
        """
        values = self.__dict__ | changes
        return [
            (name, format_value(values[field]))
            for field, name, default in fields_of(type(self))
            if values[field] != default or field in always
        ]

    def query(self, always: Iterable[str] = (), **changes: Any) -> str:
        """Return the pairs as a query string with its question mark, or an empty string without pairs."""
        text = "&".join([f"{name}={quote_plus(text, safe=',:')}" for name, text in self.pairs(always, **changes)])
        return f"?{text}" if text else ""

    def limits(self, field: str) -> dict[str, int]:
        """Return the limits of a field as HTML attributes (see field_limits)."""
        return field_limits(type(self).__name__, field)

    def default(self, field: str) -> Any:
        """Return the default of a field."""
        return type(self).model_fields[field].default


@cache
def field_limits(model: str, field: str) -> dict[str, int]:
    """Return the limits of a field of the model with this name as HTML attributes. Raises KeyError."""
    attributes = {
        "MinLen": ("minlength", "min_length"),
        "MaxLen": ("maxlength", "max_length"),
        "Ge": ("min", "ge"),
        "Le": ("max", "le"),
    }
    rules = {type(rule).__name__: rule for rule in models_by_name()[model].model_fields[field].metadata}
    return {html: getattr(rules[rule], name) for rule, (html, name) in attributes.items() if rule in rules}


def models_by_name() -> dict[str, type[Parameters]]:
    """Return every class below Parameters by its name."""
    models: dict[str, type[Parameters]] = {}
    pending = Parameters.__subclasses__()
    while pending:
        model = pending.pop()
        models[model.__name__] = model
        pending += model.__subclasses__()
    return models


@cache
def fields_of(model: type[Parameters]) -> tuple[tuple[str, str, Any], ...]:
    """Return each field of a model: its attribute, its name in requests, and its default."""
    return tuple((field, info.alias or field, info.default) for field, info in model.model_fields.items())


Model = TypeVar("Model", bound=Parameters)


def format_value(value: Any) -> str:
    """Return a value as text for a query string; multiple values are joined by commas."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class ParsedParameters(Generic[Model]):
    """The valid values, with defaults in place of the invalid ones, and a message for each invalid name."""

    values: Model
    problems: dict[str, str]

    def or_refuse(self) -> Model:
        """Return the values. Raises InvalidParameter if any was invalid."""
        if self.problems:
            raise InvalidParameter(self.problems)
        return self.values


def parse_query(
    query: bytes, model: type[Model], *, zone: tzinfo = UTC, ignore_unknown: bool = False
) -> ParsedParameters[Model]:
    """Parse a query string, as the server received it, into `model`.

    A known parameter with an empty value counts as not given: forms send such. A plain date is a day in `zone`.
    """
    try:
        # Latin-1 preserves every byte, so that the message can name a parameter that is not UTF-8.
        pairs = parse_qsl(query.decode("latin-1"), True, encoding="latin-1", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return ParsedParameters(model(), {"query": f"query must have at most {MAX_PARAMETERS} parameters"})
    lists, known = multi_value_names(model), set(known_names(model))
    given: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = raw_name.encode("latin-1").decode(errors="replace")
        if (not raw_value and (name in known or not name)) or (ignore_unknown and name not in known):
            continue
        try:
            value = raw_value.encode("latin-1").decode()
        except UnicodeDecodeError:
            problems[name] = f"{name} is not valid UTF-8"
            continue
        if name in lists:
            given.setdefault(name, []).extend(value.split(","))
        elif name in given:
            problems[name] = f"{truncate(name)} is given more than once"
        else:
            given[name] = value
    return parse_fields(given, model, zone, problems)


def parse_form(
    form: Mapping[str, str], model: type[Model], lists: Mapping[str, list[str]] | None = None
) -> ParsedParameters[Model]:
    """Parse a submitted form into `model`, ignoring unknown fields such as the CSRF token."""
    given: dict[str, Any] = {name: value for name, value in form.items() if name in known_names(model)}
    return parse_fields(given | dict(lists or {}), model, UTC, {})


def parse_fields(
    given: dict[str, Any], model: type[Model], zone: tzinfo, problems: dict[str, str], region: str = ""
) -> ParsedParameters[Model]:
    """Parse `given` into `model`. Valid values are used even if others are invalid.

    A date without a time is a day in `zone`; a national phone number belongs to `region`.
    """
    valid = {name: value for name, value in given.items() if name not in problems}
    try:
        return ParsedParameters(validate_fields(valid, model, zone, region), problems)
    except ValidationError as error:
        problems, invalid = dict(problems), set()
        for detail in error.errors(include_url=False, include_input=False):
            name = str(detail["loc"][0]) if detail["loc"][0] in multi_value_names(model) else field_path(detail["loc"])
            invalid.add(detail["loc"][0])
            problems.setdefault(name, explain_error(name, detail, model))
    valid = {name: value for name, value in valid.items() if name not in invalid}
    try:
        return ParsedParameters(validate_fields(valid, model, zone, region), problems)
    except ValidationError:  # a required field is invalid, so there is no complete model
        return ParsedParameters(model.model_construct(**valid), problems)


def validate_fields(given: dict[str, Any], model: type[Model], zone: tzinfo, region: str) -> Model:
    """Return `given` as a `model`, by the names used in requests. Raises ValidationError."""
    return model.model_validate(given, context={"zone": zone, "region": region}, by_alias=True, by_name=False)


def known_names(model: type[Parameters]) -> list[str]:
    """Return the names of a model's fields in requests."""
    return [name for _, name, _ in fields_of(model)]


def multi_value_names(model: type[Parameters]) -> set[str]:
    """Return the names that accept multiple values, repeated or separated by commas."""
    return {name for _, name, default in fields_of(model) if isinstance(default, tuple)}


# --- types of values ------------------------------------------------------------------------------------------------


WHOLE_NUMBER = re.compile(r"-?[0-9]+")
MAX_DIGITS = 20
DECIMAL_NUMBER = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")


def parse_whole(value: Any) -> Any:
    """Return a whole number from ASCII digits. Raises ValueError.

    int() alone would accept other scripts' digits, underscores, a plus sign and white space. A JSON number without a
    fraction is an integer however it is written (JSON Schema, section 6.3): 2.0 is 2.
    """
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if not (isinstance(value, str) and WHOLE_NUMBER.fullmatch(value)):
        raise ValueError("must be a whole number")
    return int(value) if len(value) <= MAX_DIGITS else 10**MAX_DIGITS  # out of every range


def strip_text(value: Any) -> Any:
    """Return text without surrounding white space. Raises ValueError for control characters and lone surrogates."""
    if not isinstance(value, str):
        return value
    if forbidden := find_forbidden_character(value):
        raise ValueError(f"must not hold {forbidden}")
    return value.strip()


def parse_choices(choices: type[StrEnum]) -> Callable[[object], object]:
    """Return a parser for a list of choices: each once and in the enum's order, so that a view has one address.

    Empty members beside others are ignored; a list of empty members alone is refused as an unknown choice.
    """

    def parse(sent: object) -> object:
        if not isinstance(sent, list):
            return sent
        chosen = {text.strip() for text in sent}
        if len(chosen) > 1:
            chosen.discard("")
        known = [choice for choice in choices if choice in chosen]
        return tuple(known) if len(known) == len(chosen) else tuple(sorted(chosen))

    return parse


def whole_number(minimum: int, maximum: int, description: str = "") -> Any:
    """Return the type of a whole number within these bounds."""
    return Annotated[int, Field(ge=minimum, le=maximum, description=description), BeforeValidator(parse_whole)]


def parse_decimal(value: Any) -> Any:
    """Return a finite number, also from ASCII digits with a decimal point. Raises ValueError."""
    if isinstance(value, str) and DECIMAL_NUMBER.fullmatch(value):
        return float(value)
    if value is None or (isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)):
        return value
    raise ValueError("must be a number, such as 0.5")


def decimal_number(minimum: float, maximum: float, description: str = "") -> Any:
    """Return the type of a number within these bounds."""
    return Annotated[float, Field(ge=minimum, le=maximum, description=description), BeforeValidator(parse_decimal)]


# The characters that strip_text accepts, for the OpenAPI document; UTF-8 cannot encode a lone surrogate.
TEXT_PATTERN = r"^[^\u0000-\u001f\u007f-\u009f]*$"


def text_type(maximum: int, minimum: int = 0, description: str = "") -> Any:
    """Return the type of a text of this length in characters, without surrounding white space."""
    field = Field(
        min_length=minimum or None,
        max_length=maximum,
        description=description or None,
        json_schema_extra={"pattern": TEXT_PATTERN},
    )
    return Annotated[str, field, BeforeValidator(strip_text)]


PageNumber = whole_number(1, 1_000_000_000, "Page number, starting at 1.")
PageSize = whole_number(1, 100, "Number of items per page.")

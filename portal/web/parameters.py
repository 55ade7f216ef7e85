"""From a query string or a form to a frozen model, once; whatever is wrong is named.

The models' own constraints are also what the OpenAPI document shows, so it cannot tell another story.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from enum import StrEnum
from functools import cache
from typing import Annotated, Any, Generic, TypeVar
from urllib.parse import parse_qsl, quote_plus

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo
from pydantic_core import ErrorDetails

from portal.text import find_forbidden_character
from portal.times import parse_moment_range

# More than any address of ours holds; a longer query string is somebody trying something.
MAX_PARAMETERS = 200


class InvalidParameter(Exception):
    """Values that cannot be used: `problems` maps each wrong name to one plain sentence that begins with it."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        super().__init__(next(iter(problems.values())))
        self.problems = dict(problems)


class Parameters(BaseModel):
    """What every set of parameters is: frozen, closed to unknown names, and able to write itself as an address."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    def pairs(self, always: Iterable[str] = (), **changes: Any) -> list[tuple[str, str]]:
        """Name and text of every value that differs from its default, or whose field is in `always`.

        `changes` stand in for the values of their fields; they are trusted.
        """
        values = self.__dict__ | changes
        return [
            (name, format_value(values[field]))
            for field, name, default in fields_of(type(self))
            if values[field] != default or field in always
        ]

    def query(self, always: Iterable[str] = (), **changes: Any) -> str:
        """The pairs as a query string with its question mark; empty when there is nothing to say."""
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
    """Return the limits of a field as HTML attributes: minlength, maxlength, min, max.

    `model` is the name of a class below Parameters. Raises KeyError for an unknown model or field.
    """
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
    found: dict[str, type[Parameters]] = {}
    waiting = Parameters.__subclasses__()
    while waiting:
        model = waiting.pop()
        found[model.__name__] = model
        waiting += model.__subclasses__()
    return found


@cache
def fields_of(model: type[Parameters]) -> tuple[tuple[str, str, Any], ...]:
    """Each field of a model: the attribute, the name by which it is sent, and its default."""
    return tuple((field, info.alias or field, info.default) for field, info in model.model_fields.items())


Model = TypeVar("Model", bound=Parameters)


def format_value(value: Any) -> str:
    """A value as an address holds it; several are joined by commas."""
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


@dataclass(frozen=True)
class ParsedParameters(Generic[Model]):
    """What could be read (`values`) and a sentence for each name whose value could not, which then has its default."""

    values: Model
    problems: dict[str, str]

    def or_refuse(self) -> Model:
        """The values. Raises BadParameter when anything was wrong."""
        if self.problems:
            raise InvalidParameter(self.problems)
        return self.values


def parse_query(
    query: bytes, model: type[Model], *, zone: tzinfo = UTC, ignore_unknown: bool = False
) -> ParsedParameters[Model]:
    """A query string, as the server received it, read as `model`.

    A parameter with an empty value counts as not given (plain forms send such). A plain date is a day in `zone`.
    """
    try:
        # Latin-1 keeps every byte as it is, so that what is not UTF-8 can be told by its name.
        pairs = parse_qsl(query.decode("latin-1"), True, encoding="latin-1", max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return ParsedParameters(model(), {"query": f"query holds more than {MAX_PARAMETERS} parameters"})
    lists = multi_value_names(model)
    given: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for raw_name, raw_value in pairs:
        name = raw_name.encode("latin-1").decode(errors="replace")
        if not raw_value or (ignore_unknown and name not in known_names(model)):
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
    """The fields of a submitted form read as `model`; fields it does not know, such as the CSRF token, are left out."""
    given: dict[str, Any] = {name: value for name, value in form.items() if name in known_names(model)}
    return parse_fields(given | dict(lists or {}), model, UTC, {})


def parse_fields(
    given: dict[str, Any], model: type[Model], zone: tzinfo, problems: dict[str, str], region: str = ""
) -> ParsedParameters[Model]:
    """`given` as a `model`: what is wrong is told in `problems`, and what is right is kept.

    A plain date is a day in `zone`; a national phone number is one of `region`.
    """
    right = {name: value for name, value in given.items() if name not in problems}
    try:
        return ParsedParameters(validate_fields(right, model, zone, region), problems)
    except ValidationError as error:
        problems, wrong = dict(problems), set()
        for detail in error.errors(include_url=False):
            name = str(detail["loc"][0]) if detail["loc"][0] in multi_value_names(model) else field_path(detail["loc"])
            wrong.add(detail["loc"][0])
            problems.setdefault(name, explain_error(name, detail, model))
    right = {name: value for name, value in right.items() if name not in wrong}
    try:
        return ParsedParameters(validate_fields(right, model, zone, region), problems)
    except ValidationError:  # a required field is among the wrong ones: there is no model without it
        return ParsedParameters(model.model_construct(**right), problems)


def validate_fields(given: dict[str, Any], model: type[Model], zone: tzinfo, region: str) -> Model:
    """`given` as a `model`, by the names that are sent and no others. Raises ValidationError."""
    return model.model_validate(given, context={"zone": zone, "region": region}, by_alias=True, by_name=False)


def field_path(path: tuple[int | str, ...]) -> str:
    """Where a value stands: limit, callingHour.start, events[3].callStatus."""
    first, *inner = path
    return str(first) + "".join(f"[{step}]" if isinstance(step, int) else f".{truncate(step)}" for step in inner)


def known_names(model: type[Parameters]) -> list[str]:
    """The names by which a model's values are sent."""
    return [name for _, name, _ in fields_of(model)]


def multi_value_names(model: type[Parameters]) -> set[str]:
    """The names that may be sent more than once, or with commas."""
    return {name for _, name, default in fields_of(model) if isinstance(default, tuple)}


def truncate(name: str) -> str:
    """A sender's own name for a parameter, short enough to be said back."""
    return name if len(name) <= 60 else f"{name[:60]}…"


# What a value of the wrong kind is told; numbers have their own words (`ascii_whole`), or those of their bounds.
PLAIN_KINDS = {
    "int_type": "must be a whole number",
    "string_type": "must be a text",
    "bool_type": "must be true or false",
    "bool_parsing": "must be true or false",
    "list_type": "must be a list",
    "tuple_type": "must be a list",
    "dict_type": "must be an object",
    "model_type": "must be an object",
    "model_attributes_type": "must be an object",
}


def explain_error(name: str, detail: ErrorDetails, model: type[Parameters]) -> str:
    """One plain sentence, beginning with the name, that says what to change."""
    context = detail.get("ctx", {})
    bounds = {type(rule).__name__: rule for info in find_fields(model, name) for rule in info.metadata}
    kind = detail["type"]
    if kind == "extra_forbidden":
        others = f"; there are {', '.join(known_names(model))}" if len(detail["loc"]) == 1 else ""
        return f"{truncate(name)} is not a parameter here{others}"
    if kind in PLAIN_KINDS:
        return f"{name} {PLAIN_KINDS[kind]}"
    if kind in ("greater_than_equal", "less_than_equal") and len(detail["loc"]) > 1:
        return f"{name} must be {'at least' if 'ge' in context else 'at most'} {context.get('ge', context.get('le'))}"
    if kind == "missing":
        return f"{name} is required"
    if "Ge" in bounds and "Le" in bounds:
        return f"{name} must be between {bounds['Ge'].ge} and {bounds['Le'].le}"
    if kind == "value_error":
        return f"{name} {context['error']}"
    if kind in ("enum", "literal_error"):
        several = "one or several of" if name in multi_value_names(model) else "one of"
        return f"{name} must be {several} {context['expected'].replace(chr(39), '').replace(' or ', ', ')}"
    if kind == "string_too_long":
        return f"{name} must be at most {context['max_length']} characters"
    if kind in ("too_short", "too_long"):
        least = kind == "too_short"
        return (
            f"{name} must hold {'at least' if least else 'at most'} {context['min_length' if least else 'max_length']}"
        )
    if kind == "string_too_short":
        least = context["min_length"]
        return f"{name} must be at least {least} characters" if least > 1 else f"{name} must not be empty"
    return f"{name} cannot be read: {detail['msg'][:1].lower()}{detail['msg'][1:]}"


def find_fields(model: type[Parameters], name: str) -> list[Any]:
    """The model's field of that name, as a list of one or none."""
    return [info for field, info in model.model_fields.items() if (info.alias or field) == name]


# --- the kinds of value that parameters have ------------------------------------------------------------------------


def parse_whole(value: Any) -> Any:
    """A whole number in ASCII digits; int() alone would take Arabic digits, underscores, signs and blanks."""
    if value is None or (isinstance(value, int) and not isinstance(value, bool)):
        return value
    if not (isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20):
        raise ValueError("must be a whole number")
    return int(value)


def strip_text(value: Any) -> Any:
    """`value` without blanks around it. Raises ValueError for characters that no text may hold."""
    if not isinstance(value, str):
        return value
    if found := find_forbidden_character(value):
        raise ValueError(f"must not hold {found}")
    return value.strip()


@dataclass(frozen=True)
class MomentRange:
    """A date or date-time as it was sent, and the first and last millisecond that it speaks of."""

    text: str
    first_ms: int
    last_ms: int

    def __str__(self) -> str:
        return self.text


def parse_moment(value: Any, info: ValidationInfo) -> MomentRange:
    """An ISO date or date-time in the zone of the reading. Raises ValueError."""
    if isinstance(value, MomentRange):
        return value
    zone = (info.context or {}).get("zone", UTC)
    return MomentRange(value, *parse_moment_range(value, zone))


def parse_choices(words: type[StrEnum]) -> Callable[[object], object]:
    """Reads a list of these words: each once, in the order people read them, so that one view has one address; empty
    parts count as none."""

    def in_reading_order(sent: object) -> object:
        if not isinstance(sent, list):
            return sent
        asked = {text.strip() for text in sent} - {""}
        known = [word for word in words if word in asked]
        return tuple(known) if len(known) == len(asked) else tuple(sorted(asked))

    return in_reading_order


def whole_number(least: int, most: int, says: str = "") -> Any:
    """The type of a whole number in these bounds."""
    return Annotated[int, Field(ge=least, le=most, description=says), BeforeValidator(parse_whole)]


# What `clean_text` takes, as a pattern for the OpenAPI document; a lone surrogate cannot be sent in UTF-8.
CLEAN = r"^[^\u0000-\u001f\u007f-\u009f]*$"


def text_type(most: int, least: int = 0, says: str = "") -> Any:
    """The type of a text of these lengths, blanks around it not counted."""
    field = Field(
        min_length=least or None, max_length=most, description=says or None, json_schema_extra={"pattern": CLEAN}
    )
    return Annotated[str, field, BeforeValidator(strip_text)]


PageNumber = whole_number(1, 1_000_000_000, "Which page, from 1.")
PageSize = whole_number(1, 100, "Rows on a page.")

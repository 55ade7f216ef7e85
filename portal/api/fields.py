"""The fields of rows in the API: one list each for the JSON, its schema, and the columns of exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any

from pydantic import Field

from portal.api.schema import TimeText
from portal.times import format_iso, format_optional_iso
from portal.web.spreadsheets import Cell, Heading, Instant

EXAMPLE_TIME = "2025-05-01T12:00:00.000Z"


@dataclass(frozen=True)
class ApiField:
    """A field: its name in JSON and CSV, the row's attribute, its type in the OpenAPI schema, and an example.

    `format` converts the attribute to the value in the API, and `cell` to a cell of an export; None = as stored.
    `label` is the heading in workbooks.
    """

    name: str
    attribute: str
    type: Any
    example: Any = None
    format: Callable[[Any], Any] | None = None
    cell: Callable[[Any], Cell] | None = None
    label: str = ""


def time_field(name: str, attribute: str, label: str, example: str = EXAMPLE_TIME) -> ApiField:
    """Return the field of a time."""
    return ApiField(name, attribute, TimeText, example, format_iso, instant_cell, f"{label} ({{zone}})")


def optional_time_field(name: str, attribute: str, label: str = "", example: str = EXAMPLE_TIME) -> ApiField:
    """Return the field of a time that may be missing: null in JSON, an empty cell."""
    return ApiField(name, attribute, TimeText | None, example, format_optional_iso, instant_cell, f"{label} ({{zone}})")


def instant_cell(ms: int | None) -> Instant | None:
    """Return a time as a cell."""
    return None if ms is None else Instant(ms)


def headings(fields: Sequence[ApiField]) -> tuple[Heading, ...]:
    """Return the headings of an export of these fields."""
    return tuple(Heading(field.name, field.label) for field in fields)


def csv_example(fields: Sequence[ApiField]) -> str:
    """Return a CSV of one row, the examples of the fields."""
    return "".join(
        f"{','.join(row)}\r\n" for row in zip(*((field.name, str(field.example)) for field in fields), strict=True)
    )


def values_reader(
    fields: Sequence[ApiField], converters: Sequence[Callable[[Any], Any] | None]
) -> Callable[[Any], list[Any]]:
    """Return a function that reads the values of at least two fields from a row and converts them."""
    read_values = attrgetter(*(field.attribute for field in fields))
    return lambda row: [
        convert(value) if convert else value for convert, value in zip(converters, read_values(row), strict=True)
    ]


def cells_reader(fields: Sequence[ApiField]) -> Callable[[Any], list[Cell]]:
    """Return a function that reads the cells of an export from a row."""
    return values_reader(fields, tuple(field.cell for field in fields))


def json_reader(fields: Sequence[ApiField]) -> Callable[[Any], dict[str, Any]]:
    """Return a function that reads the values of at least two fields from a row, by the names of the fields."""
    names, read = tuple(field.name for field in fields), values_reader(fields, tuple(field.format for field in fields))
    return lambda row: dict(zip(names, read(row), strict=True))


def model_fields(fields: Sequence[ApiField]) -> dict[str, Any]:
    """Return the fields as `pydantic.create_model` takes them."""
    return {
        field.attribute: (
            Annotated[field.type, Field(alias=field.name, examples=None if field.example is None else [field.example])],
            ...,
        )
        for field in fields
    }

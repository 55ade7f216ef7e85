"""The fields of rows in the API: one list each for the JSON, its schema, and the columns of exports."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Annotated, Any

from pydantic import Field


@dataclass(frozen=True)
class ApiField:
    """A field: its name in JSON and files, the row's attribute, its type in the OpenAPI schema, and an example.

    `format` converts the attribute to the value in the API; None = as stored.
    """

    name: str
    attribute: str
    type: Any
    example: Any = None
    format: Callable[[Any], Any] | None = None


def cells_reader(fields: Sequence[ApiField]) -> Callable[[Any], list[Any]]:
    """Return a function that reads the values of at least two fields from a row."""
    read_values = attrgetter(*(field.attribute for field in fields))
    formats = tuple(field.format for field in fields)

    def read_cells(row: Any) -> list[Any]:
        return [format(value) if format else value for format, value in zip(formats, read_values(row), strict=True)]

    return read_cells


def json_reader(fields: Sequence[ApiField]) -> Callable[[Any], dict[str, Any]]:
    """Return a function that reads the values of at least two fields from a row, by the names of the fields."""
    names, read_cells = tuple(field.name for field in fields), cells_reader(fields)
    return lambda row: dict(zip(names, read_cells(row), strict=True))


def model_fields(fields: Sequence[ApiField]) -> dict[str, Any]:
    """Return the fields as `pydantic.create_model` takes them."""
    return {field.attribute: (Annotated[field.type, Field(alias=field.name)], ...) for field in fields}

"""The form fields beside a contact file: in the API (contract, section 5), and on the page that creates a batch."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, WithJsonSchema
from werkzeug.datastructures import MultiDict

from portal.batches.settings import NAME_EXAMPLE, BatchName, BatchSettings, BatchType
from portal.models.labeled_enum import LabeledEnum
from portal.web.field_types import HexId, Region
from portal.web.json_body import JsonError, parse_json
from portal.web.parameters import InvalidParameter, Parameters, known_names, truncate

JSON_FIELDS = ("callingNumbers", "callingHour", "allowedDays")


FILE_SCHEMA = {
    "type": "string",
    "format": "binary",
    "description": "The contacts: .csv, .xls or .xlsx.",
    "examples": ["phoneNumber,name,city\n+12025550101,First contact,Lisbon\n"],
}


class UploadFields(BatchSettings):
    """The fields beside the file. callingNumbers, callingHour and allowedDays are sent as JSON."""

    file: Annotated[
        Any,
        WithJsonSchema(FILE_SCHEMA),
    ]
    user_id: Annotated[HexId, Field(alias="userId", examples=["64e5f0a1b2c3d4e5f6a7b8c9"])]
    batch_name: Annotated[BatchName, Field(alias="batchName", examples=[NAME_EXAMPLE])]
    batch_type: Annotated[BatchType, Field(alias="batchType")] = BatchType.OUTBOUND
    enable_dnc: Annotated[bool, Field(alias="enableDNC")] = False
    type: Annotated[bool, Field(description="true: skip invalid rows and count them in leftOut.")] = False


def read_upload_fields(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return the fields of a multipart form that are not empty, with JSON parsed. Raises InvalidParameter."""
    given: dict[str, Any] = {}
    for name, values in form.lists():
        if len(values) > 1:
            raise InvalidParameter({name: f"{truncate(name)} is given more than once"})
        if not values[0]:
            continue
        given[name] = parse_json_field(name, values[0]) if name in JSON_FIELDS else values[0]
    return given


def parse_json_field(name: str, text: str) -> Any:
    """Parse a field that is sent as JSON. Raises InvalidParameter."""
    try:
        return parse_json(text)
    except JsonError as error:
        raise InvalidParameter({name: f"{name} {error}"}) from error


class InvalidRowsChoice(LabeledEnum):
    """The ways to treat invalid rows."""

    NONE = "none", "Require all rows to be valid"
    LEAVE_OUT = "leave-out", "Skip invalid rows"


class ReadingForm(Parameters):
    """The options for reading a file, as a user selects them."""

    encoding: str = ""
    delimiter: str = ""
    column: str = ""
    region: Region = ""


def split_numbers(text: str) -> list[str]:
    """Split a list of numbers at line breaks, commas and semicolons."""
    numbers = (number.strip() for number in text.replace("\n", ",").replace(";", ",").split(","))
    return [number for number in numbers if number]


class CreateBatchForm(BatchSettings):
    """The form that creates a batch from a file."""

    batch_name: Annotated[BatchName, Field(alias="batchName")]
    invalid_rows: Annotated[InvalidRowsChoice, Field(alias="wrongRows")] = InvalidRowsChoice.NONE


def read_create_batch_fields(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return the fields of the form as CreateBatchForm takes them."""
    names = set(known_names(CreateBatchForm)) - set(JSON_FIELDS)
    given: dict[str, Any] = {name: value for name, value in form.items() if name in names and value}
    given["callingNumbers"] = split_numbers(form.get("callingNumbers", ""))
    given["allowedDays"] = [int(day) for day in form.getlist("allowedDays") if day in "0123456" and len(day) == 1]
    start, end = form.get("start", ""), form.get("end", "")
    if start or end:
        given["callingHour"] = {"start": start, "end": end}
    return given

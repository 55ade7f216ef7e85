"""What is sent with a contact file: by the API (contract, section 5), and by the page that makes a batch."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any

from pydantic import Field, WithJsonSchema
from werkzeug.datastructures import MultiDict

from portal.batches.settings import BatchName, BatchSettings, BatchType
from portal.web.field_types import HexId, Region
from portal.web.json_body import JsonError, parse_json_object
from portal.web.parameters import InvalidParameter, Parameters, known_names, truncate

JSON_FIELDS = ("callingNumbers", "callingHour", "allowedDays")


class UploadFields(BatchSettings):
    """The fields beside the file. callingNumbers, callingHour and allowedDays are sent as JSON."""

    file: Annotated[
        Any,
        WithJsonSchema({"type": "string", "format": "binary", "description": "The contacts: .csv, .xls or .xlsx."}),
    ]
    user_id: Annotated[HexId, Field(alias="userId")]
    batch_name: Annotated[BatchName, Field(alias="batchName")]
    batch_type: Annotated[BatchType, Field(alias="batchType")] = BatchType.OUTBOUND
    enable_dnc: Annotated[bool, Field(alias="enableDNC")] = False
    type: Annotated[bool, Field(description="true: rows that cannot be used are left out, and counted.")] = False


def read_upload_fields(form: MultiDict[str, str]) -> dict[str, Any]:
    """A multipart form's fields, JSON read where JSON is sent; empty ones count as not given. Raises BadParameter."""
    given: dict[str, Any] = {}
    for name, values in form.lists():
        if len(values) > 1:
            raise InvalidParameter({name: f"{truncate(name)} is given more than once"})
        if not values[0]:
            continue
        given[name] = parse_json_field(name, values[0]) if name in JSON_FIELDS else values[0]
    return given


def parse_json_field(name: str, sent: str) -> Any:
    """A value that is sent as JSON. Raises BadParameter."""
    try:
        return parse_json_object(f'{{"value": {sent}}}')["value"]
    except JsonError as error:
        raise InvalidParameter({name: f"{name} {error}"}) from error


class InvalidRowsChoice(StrEnum):
    """What to do with rows that cannot be used."""

    NONE = "none"  # all or nothing
    LEAVE_OUT = "leave-out"


class ReadingForm(Parameters):
    """How a file is to be read, as a person chooses it."""

    encoding: str = ""
    delimiter: str = ""
    column: str = ""
    region: Region = ""


def split_numbers(value: str) -> list[str]:
    """Numbers as a person types them: a line each, or with commas between."""
    return [part.strip() for part in value.replace("\n", ",").replace(";", ",").split(",") if part.strip()]


class CreateBatchForm(BatchSettings):
    """The batch that is to be made of a file, as a person fills it in."""

    batch_name: Annotated[BatchName, Field(alias="batchName")]
    wrong_rows: Annotated[InvalidRowsChoice, Field(alias="wrongRows")] = InvalidRowsChoice.NONE


def read_create_batch_fields(form: MultiDict[str, str]) -> dict[str, Any]:
    """The form's fields as the model takes them."""
    names = set(known_names(CreateBatchForm)) - {"callingHour", "allowedDays", "callingNumbers"}
    given: dict[str, Any] = {name: value for name, value in form.items() if name in names and value}
    given["callingNumbers"] = split_numbers(form.get("callingNumbers", ""))
    given["allowedDays"] = [int(day) for day in form.getlist("allowedDays") if day in "0123456" and len(day) == 1]
    start, end = form.get("start", ""), form.get("end", "")
    if start or end:
        given["callingHour"] = {"start": start, "end": end}
    return given

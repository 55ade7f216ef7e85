"""The form fields beside a contact file: in the API (contract, section 5), and on the page that creates a batch."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema
from werkzeug.datastructures import MultiDict

from portal.api.schema import USER_ID
from portal.batches.settings import NAME_EXAMPLE, BatchName, BatchSettings, BatchType, RetryOutcome
from portal.batches.settings_form import WEEKDAY_DIGITS, read_settings_fields
from portal.contacts.csv_text import DELIMITERS
from portal.contacts.file_limits import MAX_CELL_LENGTH, MAX_ROWS
from portal.contacts.files import HiddenChoice
from portal.ids import parse_id
from portal.models.labeled_enum import LabeledEnum
from portal.web.field_types import HexId, Region
from portal.web.json_body import JsonError, parse_json
from portal.web.parameters import (
    InvalidParameter,
    Parameters,
    parse_form,
    parse_whole,
    text_type,
    truncate,
)

LIST_FIELDS = ("callingNumbers", "allowedDays", "retryOn")
HIDDEN_LABELS = {HiddenChoice.SKIP: "Left out", HiddenChoice.INCLUDE: "Included"}
NO_COLUMN = "none"  # of countries
WITH_COUNTRY_CODE = "+"  # the choice beside the countries on the page: numbers without + begin with their country code


def parse_delimiter(value: Any) -> Any:
    """Return a delimiter by its name or as the character itself. Raises ValueError."""
    named = {label: character for character, label in DELIMITERS.items()}
    if value and value not in DELIMITERS and value not in named:
        raise ValueError(f"must be one of {', '.join(named)}, or the character itself")
    return named.get(value, value)


def parse_country_column(value: str) -> str:
    """Return the name of a column, or "" for none."""
    return "" if value == NO_COLUMN else value


ColumnName = text_type(MAX_CELL_LENGTH)
Delimiter = Annotated[
    str,
    BeforeValidator(parse_delimiter),
    WithJsonSchema({"type": "string", "enum": [*DELIMITERS.values(), *DELIMITERS]}),
    Field(description="The delimiter of a text file, by name or as a character."),
]


class ReadingFields(Parameters):
    """The options for reading a file. What is not given is detected."""

    phone_column: Annotated[
        ColumnName,
        Field(
            alias="phoneColumn",
            description="The name of the column of the phone numbers to call.",
            examples=["phoneNumber"],
        ),
    ] = ""
    country_column: Annotated[
        ColumnName,
        AfterValidator(parse_country_column),
        Field(
            alias="countryColumn",
            description="The name of the column with the country of each number (a code, a name or a dialing code);"
            " `none` uses no column.",
            examples=["country"],
        ),
    ] = ""
    region: Annotated[
        Region, Field(description="The country of numbers without a country code; default: that of the account.")
    ] = ""
    with_country_code: Annotated[
        bool | None,
        Field(alias="withCountryCode", description="true: numbers without + begin with their country code."),
    ] = None
    sheet: Annotated[
        str, Field(max_length=255, description="The name of the worksheet of a workbook.", examples=["Sheet1"])
    ] = ""
    header_row: Annotated[
        int | None,
        Field(
            alias="headerRow",
            ge=0,
            le=MAX_ROWS,
            description="The row with the column names, as a spreadsheet counts; 0 = no header.",
            examples=[1],
        ),
        BeforeValidator(parse_whole),
    ] = None
    encoding: Annotated[
        text_type(40), Field(description="The encoding of a text file, such as windows-1252.", examples=["utf-8"])
    ] = ""
    delimiter: Delimiter = ""
    hidden: Annotated[
        HiddenChoice, Field(description="What to do with rows and columns that the spreadsheet hides.")
    ] = HiddenChoice.SKIP

    def reading_choices(self) -> dict[str, Any]:
        """Return the options that were given, by their names in ReadingOptions."""
        given = self.model_dump(include=self.model_fields_set & set(ReadingFields.model_fields), mode="json")
        return {STORED_NAMES.get(name, name): value for name, value in given.items()}


STORED_NAMES = {"phone_column": "column"}  # fields whose names in the database are older


FILE_EXAMPLE = "phoneNumber,name,city\n+12025550101,First contact,Boston\n"


class UploadFields(ReadingFields, BatchSettings):
    """The form of an upload. Lists are sent as repeated fields or as one field of JSON, callingHour as JSON."""

    file: Annotated[
        Any,
        WithJsonSchema(
            {
                "type": "string",
                "format": "binary",
                "description": "The contacts: .csv, .tsv, .txt, .xls or .xlsx.",
                "examples": [FILE_EXAMPLE],
            }
        ),
    ]
    user_id: Annotated[HexId, Field(alias="userId", examples=[USER_ID])]
    batch_name: Annotated[BatchName, Field(alias="batchName", examples=[NAME_EXAMPLE])]
    batch_type: Annotated[BatchType, Field(alias="batchType")] = BatchType.OUTBOUND
    type: Annotated[bool, Field(description="true: skip invalid rows and count them in skipped.")] = False


def read_upload_fields(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return the fields of a multipart form that are not empty, with JSON parsed. Raises InvalidParameter."""
    given: dict[str, Any] = {}
    for name, sent in form.lists():
        values = [value for value in sent if value]
        if not values:
            continue
        if name in LIST_FIELDS:
            given[name] = parse_list(name, values)
        elif len(sent) > 1:
            raise InvalidParameter({name: f"{truncate(name)} is given more than once"})
        else:
            given[name] = parse_json_field(name, values[0]) if name == "callingHour" else values[0]
    return given


def parse_list(name: str, values: list[str]) -> Any:
    """Parse a list that is sent as JSON in one field, or as a field for each item. Raises InvalidParameter."""
    if len(values) == 1 and not is_item(values[0]):
        return parse_json_field(name, values[0])
    items = [value if is_item(value) else parse_json_field(name, value) for value in values]
    return [int(item) if name == "allowedDays" and item in WEEKDAY_DIGITS else item for item in items]


def is_item(text: str) -> bool:
    """Return whether the text is an item of a list: a number, an id or an outcome as it is, not JSON."""
    if text in set(RetryOutcome) or parse_id(text):
        return True
    return text.lstrip()[:1] not in tuple('["{') and any(map(str.isdigit, text))


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


def read_reading_choices(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return the options that the form of the page holds, by their names in ReadingOptions. Raises InvalidParameter."""
    given = form.to_dict()
    if "region" in given:
        with_country_code = given["region"] == WITH_COUNTRY_CODE
        given["withCountryCode"] = str(with_country_code).lower()
        if with_country_code:
            del given["region"]
    return parse_form(given, ReadingFields).or_refuse().reading_choices()


class CreateBatchForm(BatchSettings):
    """The form that creates a batch from a file."""

    batch_name: Annotated[BatchName, Field(alias="batchName")]
    invalid_rows: Annotated[InvalidRowsChoice, Field(alias="wrongRows")] = InvalidRowsChoice.NONE


def read_create_batch_fields(form: MultiDict[str, str]) -> dict[str, Any]:
    """Return the fields of the form as CreateBatchForm takes them."""
    choice = form.get("wrongRows")
    return read_settings_fields(form) | ({"wrongRows": choice} if choice else {})

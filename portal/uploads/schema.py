"""The OpenAPI schemas of the API's answers about contact files: contract, section 5."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.api.schema import PHONE_NUMBER, AnswerModel, Count, ErrorBody, PublicIdText
from portal.batches.settings import NAME_EXAMPLE
from portal.contacts.files import HiddenChoice


class InvalidCellBody(AnswerModel):
    """An invalid cell of a contact file; the header is row 1."""

    row: Annotated[int, Field(ge=1, examples=[3])]
    column: Annotated[str, Field(examples=["phoneNumber"])]
    value: Annotated[str, Field(examples=["12345"])]
    reason: Annotated[str, Field(examples=["has no country code"])]


class ReasonBody(AnswerModel):
    """How many rows are invalid for one reason, and the first of them."""

    column: Annotated[str, Field(examples=["phoneNumber"])]
    reason: Annotated[str, Field(examples=["has no country code"])]
    rows: Annotated[Count, Field(examples=[1])]
    first_row: Annotated[int, Field(alias="firstRow", ge=1, examples=[3])]


class FileReadingBody(AnswerModel):
    """How a file was read. null = does not apply, such as the delimiter of a workbook; headerRow 0 = no header."""

    sheet: Annotated[str | None, Field(examples=[None])]
    header_row: Annotated[int, Field(alias="headerRow", ge=0, examples=[1])]
    encoding: Annotated[str | None, Field(examples=["utf-8"])]
    delimiter: Annotated[str | None, Field(examples=["comma"])]
    phone_column: Annotated[str, Field(alias="phoneColumn", examples=["phoneNumber"])]
    country_column: Annotated[str | None, Field(alias="countryColumn", examples=[None])]
    region: Annotated[str | None, Field(examples=["US"])]
    with_country_code: Annotated[bool, Field(alias="withCountryCode")]
    hidden: HiddenChoice
    notices: Annotated[
        list[str],
        Field(description="What to check: numbers not in use, hidden rows, other columns.", examples=[[]]),
    ]


class InvalidCellsData(AnswerModel):
    """The first invalid cells of a file, and the number of invalid rows, in all and by reason."""

    rows: list[InvalidCellBody]
    total: Annotated[Count, Field(examples=[1])]
    reasons: list[ReasonBody]
    read: FileReadingBody


class InvalidRowsBody(ErrorBody):
    """A contact file with invalid rows; nothing was stored."""

    code: Literal[422]
    data: InvalidCellsData | None


class UploadedBatch(AnswerModel):
    """The batch created from a file."""

    id: Annotated[PublicIdText, Field(alias="_id")]
    batch_name: Annotated[str, Field(alias="batchName", examples=[NAME_EXAMPLE])]
    calling_numbers: Annotated[list[str], Field(alias="callingNumbers", examples=[[PHONE_NUMBER]])]
    total_calls: Annotated[Count, Field(alias="totalCalls", examples=[150])]


class SkippedRows(AnswerModel):
    """The rows that became no calls: repeated numbers, invalid rows (with type=true), hidden rows of a spreadsheet."""

    duplicate: Count
    invalid: Count
    suppressed: Count
    hidden: Count


class UploadedBody(AnswerModel):
    """The answer of upload; `leftOut` equals skipped.invalid, with type=true."""

    success: Literal[True]
    batch: UploadedBatch
    skipped: SkippedRows
    read: FileReadingBody
    left_out: Annotated[Count, Field(alias="leftOut")] = 0

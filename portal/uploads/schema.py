"""The OpenAPI schemas of the API's answers about contact files: contract, section 5."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.api.schema import PHONE_NUMBER, AnswerModel, Count, ErrorBody, PublicIdText


class InvalidCellBody(AnswerModel):
    """An invalid cell of a contact file; the header is row 1."""

    row: Annotated[int, Field(ge=1, examples=[3])]
    column: Annotated[str, Field(examples=["phoneNumber"])]
    value: Annotated[str, Field(examples=["12345"])]
    reason: Annotated[str, Field(examples=["is too short"])]


class InvalidCellsData(AnswerModel):
    """The first invalid cells of a file, and the number of invalid rows."""

    rows: list[InvalidCellBody]
    total: Annotated[Count, Field(examples=[1])]


class InvalidRowsBody(ErrorBody):
    """A contact file with invalid rows; nothing was stored."""

    code: Literal[422]
    data: InvalidCellsData | None


class UploadedBatch(AnswerModel):
    """The batch created from a file."""

    id: Annotated[PublicIdText, Field(alias="_id")]
    batch_name: Annotated[str, Field(alias="batchName", examples=["Marketing Campaign May 2025"])]
    calling_numbers: Annotated[list[str], Field(alias="callingNumbers", examples=[[PHONE_NUMBER]])]
    total_calls: Annotated[Count, Field(alias="totalCalls", examples=[150])]


class UploadedBody(AnswerModel):
    """The answer of upload; `leftOut` is the number of skipped rows, with type=true."""

    success: Literal[True]
    batch: UploadedBatch
    left_out: Annotated[Count, Field(alias="leftOut")] = 0

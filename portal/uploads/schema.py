"""The OpenAPI schemas of the API's answers about contact files: contract, section 5."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.api.schema import AnswerModel, Count, ErrorBody, PublicIdText


class InvalidCellBody(AnswerModel):
    """An invalid cell of a contact file; the header is row 1."""

    row: Annotated[int, Field(ge=1)]
    column: str
    value: str
    reason: str


class InvalidCellsData(AnswerModel):
    """The first invalid cells of a file, and the number of invalid rows."""

    rows: list[InvalidCellBody]
    total: Count


class InvalidRowsBody(ErrorBody):
    """A contact file with invalid rows; nothing was stored."""

    code: Literal[422]
    data: InvalidCellsData


class UploadedBatch(AnswerModel):
    """The batch created from a file."""

    id: Annotated[PublicIdText, Field(alias="_id")]
    batch_name: Annotated[str, Field(alias="batchName")]
    calling_numbers: Annotated[list[str], Field(alias="callingNumbers")]
    total_calls: Annotated[Count, Field(alias="totalCalls")]


class UploadedBody(AnswerModel):
    """The answer of upload; `leftOut` is the number of skipped rows, with type=true."""

    success: Literal[True]
    batch: UploadedBatch
    left_out: Annotated[Count, Field(alias="leftOut")] = 0

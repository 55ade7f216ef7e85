"""Schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.api.schema import AnswerModel, Count, ErrorBody, PublicIdText


class InvalidCellBody(AnswerModel):
    """A cell of a contact file that cannot be used; the header is row 1."""

    row: Annotated[int, Field(ge=1)]
    column: str
    value: str
    reason: str


class InvalidCellsData(AnswerModel):
    """The first wrong cells of a file, and in how many rows something is wrong."""

    rows: list[InvalidCellBody]
    total: Count


class InvalidRowsBody(ErrorBody):
    """A contact file with rows that cannot be used; nothing of it was stored."""

    code: Literal[422]
    data: InvalidCellsData


class UploadedBatch(AnswerModel):
    """The batch that was made of a file."""

    id: Annotated[PublicIdText, Field(alias="_id")]
    batch_name: Annotated[str, Field(alias="batchName")]
    calling_numbers: Annotated[list[str], Field(alias="callingNumbers")]
    total_calls: Annotated[Count, Field(alias="totalCalls")]


class UploadedBody(AnswerModel):
    """The answer of upload; `leftOut` counts the rows that were left out, where type is true."""

    success: Literal[True]
    batch: UploadedBatch
    left_out: Annotated[Count, Field(alias="leftOut")] = 0

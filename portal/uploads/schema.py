"""Schema."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.schema import Answer, Count, ErrorBody, PublicId


class WrongCell(Answer):
    """A cell of a contact file that cannot be used; the header is row 1."""

    row: Annotated[int, Field(ge=1)]
    column: str
    value: str
    reason: str


class WrongCells(Answer):
    """The first wrong cells of a file, and in how many rows something is wrong."""

    rows: list[WrongCell]
    total: Count


class WrongRowsBody(ErrorBody):
    """A contact file with rows that cannot be used; nothing of it was stored."""

    code: Literal[422]
    data: WrongCells


class UploadedBatch(Answer):
    """The batch that was made of a file."""

    id: Annotated[PublicId, Field(alias="_id")]
    batch_name: Annotated[str, Field(alias="batchName")]
    calling_numbers: Annotated[list[str], Field(alias="callingNumbers")]
    total_calls: Annotated[Count, Field(alias="totalCalls")]


class UploadedBody(Answer):
    """The answer of upload; `leftOut` counts the rows that were left out, where type is true."""

    success: Literal[True]
    batch: UploadedBatch
    left_out: Annotated[Count, Field(alias="leftOut")] = 0

"""The OpenAPI schemas and examples of the API's answers about do-not-call lists."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.api.schema import PHONE_NUMBER, AnswerModel, Count, Pagination, SuccessBody, TimeText
from portal.uploads.schema import FileReadingBody, SkippedRows

SourceText = Annotated[str, Field(examples=["own"])]


class SuppressionBody(AnswerModel):
    """A number on a list; `until` null = never to be called again."""

    phone_number: Annotated[str, Field(alias="phoneNumber", examples=[PHONE_NUMBER])]
    source: SourceText
    added_at: Annotated[TimeText, Field(alias="addedAt")]
    until: TimeText | None


class SuppressionListItem(AnswerModel):
    """A list with its age; `validUntil` null = it need not be loaded again."""

    source: SourceText
    numbers: Annotated[Count, Field(examples=[120])]
    loaded_at: Annotated[TimeText, Field(alias="loadedAt")]
    valid_days: Annotated[int | None, Field(alias="validDays", examples=[28])]
    valid_until: Annotated[TimeText | None, Field(alias="validUntil")]


class SuppressionPage(AnswerModel):
    """A page of suppressed numbers, last added first, and all lists of the account."""

    suppressions: list[SuppressionBody]
    lists: list[SuppressionListItem]
    pagination: Pagination


class SuppressionPageBody(SuccessBody):
    """The answer of the list of suppressions."""

    message: Literal["Suppressions fetched successfully"]
    code: Literal[200]
    data: SuppressionPage


class AddedData(AnswerModel):
    """How many numbers were added, and how many were on the list before."""

    added: Annotated[Count, Field(examples=[2])]
    known: Annotated[Count, Field(examples=[1])]


class AddedBody(SuccessBody):
    """The answer of adding numbers."""

    message: Literal["Numbers suppressed successfully"]
    code: Literal[200]
    data: AddedData


class LoadedData(AddedData):
    """The result of loading a file: also the numbers removed by replace, the rows left out, and how it was read."""

    removed: Count
    skipped: SkippedRows
    read: FileReadingBody


class LoadedBody(SuccessBody):
    """The answer of loading a file."""

    message: Literal["Numbers suppressed successfully"]
    code: Literal[200]
    data: LoadedData


class RemovedData(AnswerModel):
    """From how many lists the number was removed."""

    removed: Annotated[int, Field(ge=1)]


class RemovedBody(SuccessBody):
    """The answer of removing a number."""

    message: Literal["Number removed successfully"]
    code: Literal[200]
    data: RemovedData

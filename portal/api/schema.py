"""Models that the JSON bodies of all endpoints share: ids, times, and the envelopes of portal/web/envelope.py."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

# Ids in all examples.
USER_ID = "64e5f0a1b2c3d4e5f6a7b8c9"
BATCH_ID = "64e5f12345abcdef98765432"
CALL_ID = "64e5f2aa45abcdef98765433"
ATTEMPT_ID = "64e5f3bb45abcdef98765434"
TRUNK_ID = "64e5f0d345abcdef98765434"
CALLER_NUMBER_ID = "64e5f0e245abcdef98765435"
PHONE_NUMBER = "+12025550101"
CALLER_NUMBER = "+12025550100"

PublicIdText = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{24}$",
        description="24 lower-case hexadecimal characters.",
        examples=[BATCH_ID],
    ),
]
TimeText = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        json_schema_extra={"format": "date-time"},
        description="ISO 8601 in UTC with three decimals and Z.",
        examples=["2025-05-01T12:00:00.000Z"],
    ),
]
Count = Annotated[int, Field(ge=0)]


class AnswerModel(BaseModel):
    """An object in an answer. It is open: a later release may add keys, and clients must ignore those."""

    model_config = ConfigDict(strict=True)


class Pagination(AnswerModel):
    """The position of a page in its list. totalPages = ceil(total / limit)."""

    total: Annotated[Count, Field(examples=[25])]
    page: Annotated[int, Field(ge=1)]
    limit: Annotated[int, Field(ge=1, le=100, examples=[10])]
    total_pages: Annotated[Count, Field(alias="totalPages", examples=[3])]


class ErrorBody(AnswerModel):
    """The body of every error. `code` equals the HTTP status; `errorMessage` says what to change."""

    message: str
    status: Literal[False]
    code: Annotated[int, Field(ge=400, le=599)]
    error_message: Annotated[str, Field(alias="errorMessage", min_length=1)]
    data: None


class SuccessFlagBody(AnswerModel):
    """The short success body that some endpoints return."""

    success: Literal[True]
    message: Annotated[str, Field(examples=["Batch deleted"])]


class SuccessBody(AnswerModel):
    """The envelope of a success; each endpoint adds its own `data`."""

    message: str
    status: Literal[True]
    code: Annotated[int, Field(ge=200, le=299)]
    error_message: Annotated[Literal[""], Field(alias="errorMessage")]

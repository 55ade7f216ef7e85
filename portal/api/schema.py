"""Models that the JSON bodies of all endpoints share: ids, times, and the envelopes of portal/web/envelope.py."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

PublicIdText = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{24}$",
        description="24 lower-case hexadecimal characters.",
        examples=["64e5f12345abcdef98765432"],
    ),
]
TimeText = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        json_schema_extra={"format": "date-time"},
        description="ISO 8601 in UTC with three decimals and Z.",
    ),
]
Count = Annotated[int, Field(ge=0)]


class AnswerModel(BaseModel):
    """An object in a response; unknown keys are not allowed."""

    model_config = ConfigDict(
        extra="forbid", strict=True, field_title_generator=lambda name, field: field.alias or name
    )


class ErrorBody(AnswerModel):
    """The body of every error. `code` equals the HTTP status; `errorMessage` says what to change."""

    message: str
    status: Literal[False]
    code: Annotated[int, Field(ge=400, le=599)]
    error_message: Annotated[str, Field(alias="errorMessage", min_length=1)]
    data: Any


class SuccessFlagBody(AnswerModel):
    """The short success body that some endpoints return."""

    success: Literal[True]
    message: str


class SuccessBody(AnswerModel):
    """The envelope of a success; each endpoint adds its own `data`."""

    message: str
    status: Literal[True]
    code: Annotated[int, Field(ge=200, le=299)]
    error_message: Annotated[Literal[""], Field(alias="errorMessage")]

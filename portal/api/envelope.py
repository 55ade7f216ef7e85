"""What the shapes of all answers of the API have in common: closed to unknown keys, ids, times, the error body."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from flask import Response, current_app
from pydantic import BaseModel, ConfigDict, Field

PublicIdText = Annotated[
    str,
    Field(
        pattern=r"^[0-9a-f]{24}$", description="24 lower-case hex characters.", examples=["64e5f12345abcdef98765432"]
    ),
]
TimeText = Annotated[
    str,
    Field(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z$",
        json_schema_extra={"format": "date-time"},
        description="ISO 8601, UTC, three decimals, Z.",
    ),
]


class AnswerModel(BaseModel):
    """Any object in an answer."""

    model_config = ConfigDict(
        extra="forbid", strict=True, field_title_generator=lambda name, field: field.alias or name
    )


class ErrorBody(AnswerModel):
    """Every answer that is not a success. `code` equals the HTTP status; `errorMessage` says what to change."""

    message: str
    status: Literal[False]
    code: Annotated[int, Field(ge=400, le=599)]
    error_message: Annotated[str, Field(alias="errorMessage", min_length=1)]
    data: Any


class SuccessFlagBody(AnswerModel):
    """The short answer that some endpoints of the API give."""

    success: Literal[True]
    message: str


class SuccessBody(AnswerModel):
    """The envelope of a success; `data` is told by each endpoint."""

    message: str
    status: Literal[True]
    code: Annotated[int, Field(ge=200, le=299)]
    error_message: Annotated[Literal[""], Field(alias="errorMessage")]


def success_response(data: Any, message: str = "", code: int = 200) -> Response:
    """The contract's body of a success."""
    body = {"message": message, "status": True, "code": code, "errorMessage": "", "data": data}
    response = current_app.json.response(body)
    response.status_code = code
    return response


Count = Annotated[int, Field(ge=0)]

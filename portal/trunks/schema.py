"""The OpenAPI schemas and examples of the API's answers about trunks and caller numbers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.api.schema import (
    CALLER_NUMBER,
    CALLER_NUMBER_ID,
    TRUNK_ID,
    AnswerModel,
    Count,
    Pagination,
    PublicIdText,
    SuccessBody,
    TimeText,
)


class TrunkBody(AnswerModel):
    """A trunk. `inUse` counts its calls now; `heardAt` is when its engine last answered; `trouble` "" = none."""

    id: Annotated[PublicIdText, Field(alias="_id", examples=[TRUNK_ID])]
    name: Annotated[str, Field(examples=["Office line"])]
    kind: Annotated[str, Field(examples=["asterisk"])]
    lines: Annotated[int, Field(ge=1, examples=[10])]
    per_second: Annotated[float, Field(alias="perSecond", examples=[1.0])]
    ring_seconds: Annotated[int, Field(alias="ringSeconds", examples=[30])]
    held: bool
    in_use: Annotated[Count, Field(alias="inUse", examples=[3])]
    heard_at: Annotated[TimeText | None, Field(alias="heardAt")]
    trouble: Annotated[str, Field(examples=[""])]


class TrunkList(AnswerModel):
    """A page of trunks, in the order of creation."""

    trunks: list[TrunkBody]
    pagination: Pagination


class TrunkListBody(SuccessBody):
    """The answer of the list of trunks."""

    message: Literal["Trunks fetched successfully"]
    code: Literal[200]
    data: TrunkList


class CallerNumberBody(AnswerModel):
    """A caller number; `trunkId` null: another dialer calls from it."""

    id: Annotated[PublicIdText, Field(alias="_id", examples=[CALLER_NUMBER_ID])]
    phone_number: Annotated[str, Field(alias="phoneNumber", examples=[CALLER_NUMBER])]
    label: Annotated[str, Field(examples=["Main line"])]
    trunk_id: Annotated[PublicIdText | None, Field(alias="trunkId", examples=[TRUNK_ID])]


class CallerNumberList(AnswerModel):
    """A page of caller numbers, in the order of creation."""

    caller_numbers: Annotated[list[CallerNumberBody], Field(alias="callerNumbers")]
    pagination: Pagination


class CallerNumberListBody(SuccessBody):
    """The answer of the list of caller numbers."""

    message: Literal["Caller numbers fetched successfully"]
    code: Literal[200]
    data: CallerNumberList


class CreatedIdBody(SuccessBody):
    """The id of a new row."""

    message: Annotated[str, Field(examples=["Trunk created successfully"])]
    code: Literal[201]
    data: Annotated[PublicIdText, Field(examples=[TRUNK_ID])]


class ChangedIdBody(SuccessBody):
    """The id of a row that was changed or removed."""

    message: Annotated[str, Field(examples=["Trunk updated successfully"])]
    code: Literal[200]
    data: Annotated[PublicIdText, Field(examples=[TRUNK_ID])]

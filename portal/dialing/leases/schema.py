"""The OpenAPI schemas and examples of the answers to outside dialers."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from portal.api.schema import (
    ATTEMPT_ID,
    CALL_ID,
    CALLER_NUMBER,
    PHONE_NUMBER,
    AnswerModel,
    PublicIdText,
    SuccessBody,
    TimeText,
)

IdList = Annotated[list[PublicIdText], Field(examples=[[ATTEMPT_ID]])]
NoIds = Annotated[list[PublicIdText], Field(examples=[[]])]


class LeasedCall(AnswerModel):
    """A call to place once, now. `number` counts the attempts of the call; `from` null = the batch has no caller ID."""

    attempt_id: Annotated[PublicIdText, Field(alias="attemptId", examples=[ATTEMPT_ID])]
    call_id: Annotated[PublicIdText, Field(alias="callId", examples=[CALL_ID])]
    batch_id: Annotated[PublicIdText, Field(alias="batchId")]
    phone_number: Annotated[str, Field(alias="phoneNumber", examples=[PHONE_NUMBER])]
    from_number: Annotated[str | None, Field(alias="from", examples=[CALLER_NUMBER])]
    number: Annotated[int, Field(ge=1, examples=[1])]
    ring_seconds: Annotated[int, Field(alias="ringSeconds", examples=[30])]
    held_until: Annotated[TimeText, Field(alias="heldUntil")]
    fields: Annotated[dict[str, Any], Field(examples=[{"name": "Ana", "city": "Lisbon"}])]


class LeaseData(AnswerModel):
    """The leased calls; none if no call is due."""

    attempts: list[LeasedCall]


class LeasedBody(SuccessBody):
    """The answer of lease."""

    message: Literal["Calls leased successfully"]
    code: Literal[200]
    data: LeaseData


class HeartbeatData(AnswerModel):
    """The attempts that are held for longer, and those that are over, were lost, or never existed."""

    extended: IdList
    gone: NoIds


class HeartbeatAnswer(SuccessBody):
    """The answer of heartbeat."""

    message: Literal["Leases extended successfully"]
    code: Literal[200]
    data: HeartbeatData


class ReleaseData(AnswerModel):
    """The attempts that were undone, and those that were not."""

    released: IdList
    gone: NoIds


class ReleaseAnswer(SuccessBody):
    """The answer of release."""

    message: Literal["Leases released successfully"]
    code: Literal[200]
    data: ReleaseData

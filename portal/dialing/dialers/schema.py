"""The OpenAPI schema of the API's answer about dialers."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, create_model

from portal.api.schema import AnswerModel, Count, SuccessBody, TimeText
from portal.models.call import HeldFor
from portal.trunks.schema import TrunkBody


class WorkerBody(AnswerModel):
    """A dialer process of the portal. `events` counts what it has heard from engines since its start."""

    name: Annotated[str, Field(examples=["portal-1-4711-a3f2"])]
    host: Annotated[str, Field(examples=["portal-1"])]
    started_at: Annotated[TimeText, Field(alias="startedAt")]
    seen_at: Annotated[TimeText, Field(alias="seenAt")]
    events: Annotated[Count, Field(examples=[5210])]


WaitingBody = create_model(
    "WaitingBody",
    __base__=AnswerModel,
    __doc__="The calls of active batches that wait, by the reason.",
    **{str(reason): (Annotated[Count, Field(description=f"{reason.label}.", examples=[0])], ...) for reason in HeldFor},
)


class DialerState(AnswerModel):
    """The running dialers of the portal, the account's trunks, and the account's waiting calls."""

    workers: list[WorkerBody]
    trunks: list[TrunkBody]
    waiting: WaitingBody  # type: ignore[valid-type]


class DialerBody(SuccessBody):
    """The answer of the dialer."""

    message: Literal["Dialer fetched successfully"]
    code: Literal[200]
    data: DialerState

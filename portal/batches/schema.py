"""The schemas of the API's responses about batches in the OpenAPI document: contract, sections 1 and 3.

The presenter writes the responses as plain dicts; a test compares real responses with these models.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, create_model

from portal.api.fields import model_fields
from portal.api.schema import (
    PHONE_NUMBER,
    AnswerModel,
    Count,
    ErrorBody,
    Pagination,
    PublicIdText,
    SuccessBody,
    TimeText,
)
from portal.batches.rows import BATCH_FIELDS, DELETED_FIELD
from portal.batches.settings import NAME_EXAMPLE, RetryOutcome

BatchBody = create_model(
    "BatchBody",
    __base__=AnswerModel,
    __doc__="A batch. 0 <= callsCompleted <= callsPicked <= totalCalls. Only a deleted batch has deletedAt.",
    **model_fields(BATCH_FIELDS),
    # Optional, and without a default in the document.
    **{DELETED_FIELD.attribute: (DELETED_FIELD.type, Field(default_factory=str, alias=DELETED_FIELD.name))},
)


class BatchListData(AnswerModel):
    """A page of batches; past the end it is empty, with the correct pagination."""

    batches: list[BatchBody]
    pagination: Pagination


class BatchListBody(AnswerModel):
    """The response of Get All Batches."""

    message: Literal["Batches fetched successfully"]
    status: Literal[True]
    code: Literal[200]
    error_message: Annotated[Literal[""], Field(alias="errorMessage")]
    data: BatchListData


NO_BATCHES = {"batches": [], "pagination": {"total": 0, "page": 1, "limit": 10, "totalPages": 0}}


class NoBatchesBody(ErrorBody):
    """The response for a user without live batches: 404 with an empty page, which clients can read like any other."""

    code: Literal[404]
    data: Annotated[BatchListData, Field(examples=[NO_BATCHES])]


class CreatedBody(SuccessBody):
    """The response of createBatch."""

    message: Literal["Batch created successfully"]
    code: Literal[201]
    data: PublicIdText


class CallingHour(AnswerModel):
    """Hours of the day, HH:MM."""

    start: Annotated[str, Field(examples=["09:00"])]
    end: Annotated[str, Field(examples=["17:00"])]


class BatchSettingsData(AnswerModel):
    """A batch's name and settings, as createBatch describes them."""

    batch_id: Annotated[PublicIdText, Field(alias="batchId")]
    batch_name: Annotated[str, Field(alias="batchName", examples=[NAME_EXAMPLE])]
    calling_numbers: Annotated[list[str], Field(alias="callingNumbers", examples=[[PHONE_NUMBER]])]
    retry: Annotated[Count, Field(examples=[2])]
    delay: Annotated[Count, Field(examples=[900])]
    timezone: Annotated[str, Field(examples=["Europe/Lisbon"])]
    calling_hour: Annotated[CallingHour | None, Field(alias="callingHour", description="null = all day.")]
    allowed_days: Annotated[
        list[int], Field(alias="allowedDays", description="Empty = every day.", examples=[[1, 2, 3, 4, 5]])
    ]
    retry_on: Annotated[list[RetryOutcome], Field(alias="retryOn", examples=[["busy", "no-answer"]])]
    use_callee_zone: Annotated[bool, Field(alias="useCalleeZone", examples=[True])]
    attempts_per_day: Annotated[Count, Field(alias="attemptsPerDay", description="0 = no limit.", examples=[3])]
    max_concurrent: Annotated[Count, Field(alias="maxConcurrent", description="0 = no limit.", examples=[20])]
    enable_dnc: Annotated[bool, Field(alias="enableDNC")]
    starts_at: Annotated[TimeText | None, Field(alias="startsAt", description="null = started by hand.")]


class BatchSettingsBody(SuccessBody):
    """A batch's settings."""

    message: Literal["Batch settings fetched successfully"]
    code: Literal[200]
    data: BatchSettingsData


class ChangedSettingsBody(SuccessBody):
    """The response to a change of a batch."""

    message: Literal["Batch updated successfully"]
    code: Literal[200]
    data: BatchSettingsData


class TransitionResult(AnswerModel):
    """The batch and its change of status."""

    batch_id: Annotated[PublicIdText, Field(alias="batchId")]
    status: Literal["started", "stopped", "paused", "resumed"]


class TransitionResultBody(SuccessBody):
    """The response of the four changes of status."""

    message: Literal[""]
    code: Literal[200]
    data: TransitionResult

"""The schemas of the API's responses about batches in the OpenAPI document: contract, sections 1 and 3.

The presenter writes the responses as plain dicts; a test compares real responses with these models.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, create_model

from portal.api.fields import model_fields
from portal.api.schema import AnswerModel, Count, ErrorBody, PublicIdText, SuccessBody
from portal.batches.rows import BATCH_FIELDS, DELETED_FIELD

BatchBody = create_model(
    "BatchBody",
    __base__=AnswerModel,
    __doc__="A batch. 0 <= callsCompleted <= callsPicked <= totalCalls. Only a deleted batch has deletedAt.",
    **model_fields(BATCH_FIELDS),
    # Optional, and without a default in the document.
    **{DELETED_FIELD.attribute: (DELETED_FIELD.type, Field(default_factory=str, alias=DELETED_FIELD.name))},
)


class Pagination(AnswerModel):
    """The position of a page in its list. totalPages = ceil(total / limit)."""

    total: Count
    page: Annotated[int, Field(ge=1)]
    limit: Annotated[int, Field(ge=1, le=100)]
    total_pages: Annotated[Count, Field(alias="totalPages")]


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


class NoBatchesBody(ErrorBody):
    """The response for a user without live batches: 404 with an empty page, which clients can read like any other."""

    code: Literal[404]
    data: BatchListData


LIST_EXAMPLE = {
    "message": "Batches fetched successfully",
    "status": True,
    "code": 200,
    "errorMessage": "",
    "data": {
        "batches": [{field.name: field.example for field in BATCH_FIELDS}],
        "pagination": {"total": 25, "page": 1, "limit": 10, "totalPages": 3},
    },
}

CREATED_EXAMPLE = {
    "message": "Batch created successfully",
    "status": True,
    "code": 201,
    "errorMessage": "",
    "data": "64e5f12345abcdef98765432",
}


class CreatedBody(SuccessBody):
    """The response of createBatch."""

    code: Literal[201]
    data: PublicIdText


class CallingHour(AnswerModel):
    """Hours of the day, HH:MM."""

    start: str
    end: str


class BatchSettingsData(AnswerModel):
    """A batch's name and settings, as createBatch describes them."""

    batch_id: Annotated[PublicIdText, Field(alias="batchId")]
    batch_name: Annotated[str, Field(alias="batchName")]
    calling_numbers: Annotated[list[str], Field(alias="callingNumbers")]
    retry: Count
    delay: Count
    timezone: str
    calling_hour: Annotated[CallingHour | None, Field(alias="callingHour", description="null = all day.")]
    allowed_days: Annotated[list[int], Field(alias="allowedDays", description="Empty = every day.")]


class BatchSettingsBody(SuccessBody):
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

"""The shapes of the API's answers about batches, as the OpenAPI document tells them: contract, sections 1 and 3.

Answers are written by the presenter, as plain dicts; a test holds real ones against these models, key by key.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from portal.api.schema import AnswerModel, Count, ErrorBody, PublicIdText, SuccessBody, TimeText
from portal.models import QueueStatus


class BatchBody(AnswerModel):
    """One batch. 0 <= callsCompleted <= callsPicked <= totalCalls."""

    id: Annotated[PublicIdText, Field(alias="_id")]
    batch_name: Annotated[str, Field(alias="batchName", min_length=1, max_length=200)]
    total_calls: Annotated[Count, Field(alias="totalCalls")]
    calls_picked: Annotated[Count, Field(alias="callsPicked")]
    calls_completed: Annotated[Count, Field(alias="callsCompleted")]
    queue_status: QueueStatus
    created_at: Annotated[TimeText, Field(alias="createdAt")]
    updated_at: Annotated[TimeText, Field(alias="updatedAt")]


class Pagination(AnswerModel):
    """Where a page stands; `total` is exact, and totalPages = ceil(total / limit), 0 for none."""

    total: Count
    page: Annotated[int, Field(ge=1)]
    limit: Annotated[int, Field(ge=1, le=100)]
    total_pages: Annotated[Count, Field(alias="totalPages")]


class BatchListData(AnswerModel):
    """One page of batches; past the end it is empty, with the true pagination."""

    batches: list[BatchBody]
    pagination: Pagination


class BatchListBody(AnswerModel):
    """The answer of Get All Batches."""

    message: Literal["Batches fetched successfully"]
    status: Literal[True]
    code: Literal[200]
    error_message: Annotated[Literal[""], Field(alias="errorMessage")]
    data: BatchListData


class NoBatchesBody(ErrorBody):
    """A user without any live batch: 404, with an empty page, so that a client reads it the same way."""

    code: Literal[404]
    data: BatchListData


LIST_EXAMPLE = {
    "message": "Batches fetched successfully",
    "status": True,
    "code": 200,
    "errorMessage": "",
    "data": {
        "batches": [
            {
                "_id": "64e5f12345abcdef98765432",
                "batchName": "Marketing Campaign May 2025",
                "totalCalls": 150,
                "callsPicked": 120,
                "callsCompleted": 100,
                "queue_status": "active",
                "createdAt": "2025-05-01T12:00:00.000Z",
                "updatedAt": "2025-05-15T14:30:00.000Z",
            }
        ],
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
    """The answer of createBatch."""

    code: Literal[201]
    data: PublicIdText


class TransitionResult(AnswerModel):
    """Which batch was moved, and how."""

    batch_id: Annotated[PublicIdText, Field(alias="batchId")]
    status: Literal["started", "stopped", "paused", "resumed"]


class TransitionResultBody(SuccessBody):
    """The answer of the four moves."""

    message: Literal[""]
    code: Literal[200]
    data: TransitionResult

"""The OpenAPI schemas of the API's answers about calls: contract, section 5."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, create_model

from portal.api.fields import model_fields
from portal.api.schema import CALL_ID, AnswerModel, Count, ErrorBody, PublicIdText, SuccessBody
from portal.calls.fields import JSON_FIELDS, LOG_FIELDS
from portal.models import QueueStatus

PhoneLog = create_model(
    "PhoneLog",
    __base__=AnswerModel,
    __doc__="One attempt of a call: its outcome, or its status until it ends; callDuration in seconds.",
    **model_fields(LOG_FIELDS),
)
CallFields = create_model("CallFields", __base__=AnswerModel, **model_fields(JSON_FIELDS))


class CallBody(CallFields):  # type: ignore[misc, valid-type]
    """One call, and beside these keys the contact's own fields."""

    model_config = ConfigDict(extra="allow")

    phone_logs: Annotated[list[PhoneLog], Field(alias="phoneLogs")]  # type: ignore[valid-type]


class CallPage(AnswerModel):
    """One page of a batch's calls. A page past the end is empty, with the true total."""

    batch_id: Annotated[PublicIdText, Field(alias="batchId")]
    batch_name: Annotated[str, Field(alias="batchName", examples=["Marketing Campaign May 2025"])]
    batch_status: Annotated[QueueStatus, Field(alias="batchStatus")]
    page: Annotated[int, Field(ge=1)]
    limit: Annotated[int, Field(ge=1, le=100, examples=[10])]
    total: Annotated[Count, Field(examples=[150])]
    total_pages: Annotated[Count, Field(alias="totalPages", examples=[15])]
    data: list[CallBody]


class CallPageBody(SuccessBody):
    """The answer of batch-details."""

    message: Literal["Calls fetched successfully"]
    code: Literal[200]
    data: CallPage


class CallsAdded(AnswerModel):
    """The number of new calls, and the id of each call in the order sent; an updated call keeps its id."""

    added: Annotated[Count, Field(examples=[1])]
    call_ids: Annotated[list[PublicIdText], Field(alias="callIds", examples=[[CALL_ID]])]


class CallsAddedBody(SuccessBody):
    """The answer of addCallsToBatch."""

    message: Literal["Calls enqueued successfully"]
    code: Literal[200]
    data: CallsAdded


class FailedChunk(AnswerModel):
    """A chunk of 1000 calls, numbered from 1, none of which was added, and the reason."""

    chunk_num: Annotated[int, Field(alias="chunkNum", ge=1, examples=[2])]
    error: Annotated[str, Field(examples=["call_data[1000].phoneNumber is required"])]


class CallsPartlyAdded(CallsAdded):
    """The calls of the valid chunks, and the chunks that failed."""

    failed_chunks: Annotated[list[FailedChunk], Field(alias="failedChunks", min_length=1)]


class CallsPartlyAddedBody(ErrorBody):
    """Some chunks were invalid; the others were added."""

    message: Literal["Some calls were not enqueued"]
    code: Literal[207]  # type: ignore[assignment]
    error_message: Annotated[
        str,
        Field(
            alias="errorMessage",
            min_length=1,
            examples=["Fix and resend chunks 2: call_data[1000].phoneNumber is required"],
        ),
    ]
    data: CallsPartlyAdded


class ReportCounts(AnswerModel):
    """The numbers of events that were applied, were known before, or match no call."""

    applied: Annotated[Count, Field(examples=[1])]
    duplicates: Count
    unknown: Count


class ReportedBody(SuccessBody):
    """The answer of call-events."""

    message: Literal[""]
    code: Literal[200]
    data: ReportCounts

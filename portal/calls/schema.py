"""The shapes of the API's answers about calls, as the OpenAPI document tells them: contract, section 5."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from portal.api.schema import AnswerModel, Count, ErrorBody, PublicIdText, SuccessBody, TimeText
from portal.models import CallStatus, QueueStatus


class PhoneLog(AnswerModel):
    """One report of the dialer; callDuration in seconds."""

    call_status: Annotated[CallStatus, Field(alias="callStatus")]
    call_duration: Annotated[Count, Field(alias="callDuration")]
    recording_url: Annotated[str, Field(alias="recordingUrl")]
    transcript: str
    created_at: Annotated[TimeText, Field(alias="createdAt")]


class CallBody(AnswerModel):
    """One call, with the row's own fields beside these."""

    model_config = ConfigDict(extra="allow")

    id: Annotated[PublicIdText, Field(alias="_id")]
    phone_number: Annotated[str, Field(alias="phoneNumber", pattern=r"^\+[1-9][0-9]{6,14}$")]
    phone_logs: Annotated[list[PhoneLog], Field(alias="phoneLogs")]
    created_at: Annotated[TimeText, Field(alias="createdAt")]


class CallPage(AnswerModel):
    """One page of a batch's calls; past the end it is empty, with the true total."""

    batch_id: Annotated[PublicIdText, Field(alias="batchId")]
    batch_name: Annotated[str, Field(alias="batchName")]
    batch_status: Annotated[QueueStatus, Field(alias="batchStatus")]
    page: Annotated[int, Field(ge=1)]
    limit: Annotated[int, Field(ge=1, le=100)]
    total: Count
    total_pages: Annotated[Count, Field(alias="totalPages")]
    data: list[CallBody]


class CallPageBody(SuccessBody):
    """The answer of batch-details."""

    message: Literal["Calls fetched successfully"]
    code: Literal[200]
    data: CallPage


class CallsAdded(AnswerModel):
    """How many calls are new, and the id of each that was sent, in their order; a waiting one keeps its own."""

    added: Count
    call_ids: Annotated[list[PublicIdText], Field(alias="callIds")]


class CallsAddedBody(SuccessBody):
    """The answer of addCallsToBatch."""

    message: Literal["Calls enqueued successfully"]
    code: Literal[200]
    data: CallsAdded


class FailedChunk(AnswerModel):
    """A chunk of 1000 calls, counted from 1, none of which was added, and why."""

    chunk_num: Annotated[int, Field(alias="chunkNum", ge=1)]
    error: str


class CallsPartlyAdded(CallsAdded):
    """What was added of the other chunks."""

    failed_chunks: Annotated[list[FailedChunk], Field(alias="failedChunks", min_length=1)]


class CallsPartlyAddedBody(ErrorBody):
    """Some chunks were wrong; the others were added."""

    code: Literal[207]  # type: ignore[assignment]
    data: CallsPartlyAdded


class ReportCounts(AnswerModel):
    """What became of events: taken in, known before, and of no call that there is."""

    applied: Count
    duplicates: Count
    unknown: Count


class ReportedBody(SuccessBody):
    """The answer of call-events."""

    code: Literal[200]
    data: ReportCounts

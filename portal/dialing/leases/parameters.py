"""The bodies of requests of outside dialers."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from portal.api.schema import ATTEMPT_ID
from portal.models.dialer import WORKER_LENGTH
from portal.web.field_types import HexId, name_type
from portal.web.parameters import Parameters, whole_number

MAX_LEASED = 100
MAX_ATTEMPT_IDS = 1000

Seconds = whole_number(30, 600, "The lease ends after this time, unless a heartbeat extends it.")
AttemptIds = Annotated[
    list[HexId],
    Field(
        alias="attemptIds",
        min_length=1,
        max_length=MAX_ATTEMPT_IDS,
        description="The ids of leased attempts.",
        examples=[[ATTEMPT_ID]],
    ),
]


class LeaseBody(Parameters):
    """The body that leases calls."""

    worker: Annotated[
        name_type(WORKER_LENGTH, minimum=1, description="The name of the dialer, for the records."),
        Field(examples=["dialer-1"]),
    ]
    limit: Annotated[whole_number(1, MAX_LEASED, "The maximum number of calls."), Field(examples=[10])] = 1
    seconds: Annotated[Seconds, Field(examples=[60])] = 60
    batch_id: Annotated[HexId | None, Field(alias="batchId", description="Only calls of this batch.")] = None


class HeartbeatBody(Parameters):
    """The body that extends leases."""

    attempt_ids: AttemptIds
    seconds: Annotated[Seconds, Field(examples=[60])] = 60


class ReleaseBody(Parameters):
    """The body that gives leases back."""

    attempt_ids: AttemptIds

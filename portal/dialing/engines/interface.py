"""The interface of a telephony engine: what it is asked to do, and what it reports.

All times are milliseconds since 1970 UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from portal.dialing.engines.outcomes import Outcome


@dataclass(frozen=True)
class Placement:
    """A call to place. `attempt_id` (24 hex digits) becomes the engine's own id of the call, where it lets us choose.

    Both numbers are in E.164 with the plus sign. The engine ends the call after `ring_seconds` without an answer.
    """

    attempt_id: str
    phone_number: str
    from_number: str
    ring_seconds: int


@dataclass(frozen=True)
class NotPlaced:
    """The call was surely not placed: no phone has rung.

    `is_refused`: the engine works and refuses this call, such as a number that it does not accept. It would refuse it
    again, so end the attempt as failed. Otherwise the engine cannot place calls now: the attempt can be undone.
    `reason` contains no phone number and no secret.
    """

    reason: str
    is_refused: bool = False


@dataclass(frozen=True)
class Unsure:
    """The call may have been placed, so it is spent until the engine reports or records something else."""

    reason: str


class EventKind(StrEnum):
    """What an engine reports of a call. OVER is the last event; the others may be missing."""

    RINGING = "ringing"
    ANSWERED = "answered"
    MACHINE = "machine"  # an answering machine answered
    OVER = "over"


@dataclass(frozen=True)
class EngineEvent:
    """An event of a call. `outcome` and `cause` (Q.850) are set exactly if the call is over."""

    attempt_id: str
    kind: EventKind
    moment: int
    outcome: Outcome | None = None
    cause: int | None = None


@dataclass(frozen=True)
class EngineRecord:
    """What an engine knows of a call that is over. `answered_by` is "human", "machine" or, if unknown, empty."""

    outcome: Outcome
    cause: int
    answered_at: int | None
    ended_at: int
    answered_by: str = ""
    recording: str | None = None


class EngineUnreachable(Exception):
    """The engine cannot be asked, which is not a "no". The message contains no phone number and no secret."""


class CallUnknownHere(EngineUnreachable):
    """Only the worker that placed the call can ask about it. Its callbacks, or the end of its time, decide."""


class Engine(Protocol):
    """A telephony engine. All methods may be called from several threads.

    Each worker has an engine object of its own, and hears the events of all workers' calls, and of calls that are not
    the portal's. So an event may be applied several times, and events of unknown attempts are ignored. Events that
    happen while no worker listens are lost: `is_live` and `record` answer for them.
    """

    def place(self, placement: Placement) -> NotPlaced | Unsure | None:
        """Place a call. Returns None if the engine accepted it. Never raises for an engine's failure."""

    def hang_up(self, attempt_id: str) -> None:
        """End a call; one that is over or unknown stays as it is. Raises EngineUnreachable."""

    def is_live(self, attempt_id: str) -> bool:
        """Return whether the call is dialing, ringing or answered now. Raises EngineUnreachable."""

    def record(self, attempt_id: str) -> EngineRecord | None:
        """Return what became of a call; None if it is live or the engine does not know it. Raises EngineUnreachable."""

    def events(self) -> list[EngineEvent]:
        """Return the events since the last call of this method, in the order heard. Never blocks for long or raises."""

    @property
    def heard_at(self) -> int | None:
        """Return the last time at which the event stream was surely alive; None if it never was.

        An engine without a stream returns the last time at which it could be asked. Call `events` regularly: some
        engines only check then. Place nothing while this time is more than a few seconds ago.
        """

    def close(self) -> None:
        """Stop listening and release connections. Calls go on."""

"""Present emergency stops on pages. No SQL, request or HTML."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.models.emergency_stop import EVERYONE

COMMAND_LINE = "the command line"


@dataclass(frozen=True)
class StopView:
    """A stop in force; `stopped_at` in milliseconds. `can_lift`: the reader may lift it."""

    is_for_everyone: bool
    stopped_at: int
    by: str
    reason: str
    can_lift: bool

    @property
    def scope(self) -> str:
        """Return whose calls are stopped."""
        return "The calls of all accounts are stopped" if self.is_for_everyone else "All calls are stopped"


def stop_view(row: Any, reader_key: int, *, is_admin: bool) -> StopView:
    """Return a stop from a row of `query.list_stops`, for a reader."""
    is_for_everyone = row.owner_key == EVERYONE
    return StopView(
        is_for_everyone=is_for_everyone,
        stopped_at=row.stopped_at,
        by="you" if row.key == reader_key else row.name or row.email or COMMAND_LINE,
        reason=row.reason,
        can_lift=is_admin or not is_for_everyone,
    )

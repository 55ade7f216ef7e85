"""One owner's list as a whole, as every request learns it together with who is asking."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.models import BatchList, QueueStatus

COUNT_COLUMNS = tuple(getattr(BatchList, status) for status in QueueStatus)
LIST_STATE_COLUMNS = (BatchList.version, *COUNT_COLUMNS)


@dataclass(frozen=True)
class ListState:
    """The owner, the version of their list, and how many live batches they have of each status.

    The version is a stamp that every change of any of the owner's batches sets anew. No two states share one, so
    what is kept under it can never be taken for another's.
    """

    owner_key: int
    version: int
    live: Mapping[QueueStatus, int]

    @property
    def total(self) -> int:
        """All live batches of the owner."""
        return sum(self.live.values())


def list_state(owner_key: int, row: Any) -> ListState:
    """The state from a row that holds COLUMNS."""
    return ListState(owner_key, row.version, {status: getattr(row, status) for status in QueueStatus})

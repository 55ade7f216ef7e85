"""The state of one owner's list, which each request reads together with the user."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.models import BatchList, QueueStatus

LIST_STATE_COLUMNS = (BatchList.version, *(getattr(BatchList, status) for status in QueueStatus))


@dataclass(frozen=True)
class ListState:
    """The owner, the version of their list (see BatchList), and their live batches per status."""

    owner_key: int
    version: int
    live: Mapping[QueueStatus, int]

    @property
    def total(self) -> int:
        """Return the number of the owner's live batches."""
        return sum(self.live.values())


def read_list_state(owner_key: int, row: Any) -> ListState:
    """Return the state from a row with LIST_STATE_COLUMNS."""
    return ListState(owner_key, row.version, {status: getattr(row, status) for status in QueueStatus})

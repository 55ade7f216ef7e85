"""Which batches a trunk or an outside dialer dials, and how a step divides its calls fairly between them."""

from __future__ import annotations

import heapq
import random
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row

from portal.dialing import query


@dataclass
class BatchShare:
    """A batch of which calls are taken: its caller numbers, those of the taker, and how many calls it may have more.

    `in_progress` counts its calls on the line.
    """

    row: Row[Any]
    numbers: Sequence[str]
    usable: Sequence[str]
    room: int
    in_progress: int
    after: tuple[int, int] = (0, 0)  # due time and key of the last call that was checked
    was_refused: bool = False

    @property
    def slots(self) -> tuple[int, list[int]]:
        """Return the number of caller numbers, and the positions of those that the taker may use."""
        return len(self.numbers), [index for index, number in enumerate(self.numbers) if number in self.usable]


def find_shares(owner_key: int, trunk_key: int | None, now: int, batch_id: str | None = None) -> list[BatchShare]:
    """Return the owner's active batches with due calls that a trunk dials, or with None an outside dialer."""
    batches = query.find_due_batches(owner_key, now, batch_id)
    if not batches:
        return []
    trunks, in_progress = query.find_numbers_of_trunks(owner_key), Counter[int]()
    for row in query.count_open(owner_key):
        in_progress[row.batch_key] += row.count
    shares = []
    for batch in batches:
        numbers = batch.settings.get("callingNumbers", [])
        of_trunks = [number for number in numbers if number in trunks]
        usable = [number for number in of_trunks if trunks[number] == trunk_key]
        if trunk_key is None:
            is_dialed, of_trunks, usable = not of_trunks, numbers, numbers
        else:
            is_dialed = bool(usable)
        limit = batch.settings.get("maxConcurrent", 0) or sys.maxsize
        room = limit - in_progress[batch.key]
        if is_dialed and room > 0:
            shares.append(BatchShare(batch, of_trunks, usable, room, in_progress[batch.key]))
    return shares


def divide_fairly(shares: Sequence[BatchShare], count: int) -> list[tuple[BatchShare, int]]:
    """Divide a number of calls: each goes to the batch with the fewest calls in progress; a draw decides ties."""
    queue = [(share.in_progress, random.random(), index) for index, share in enumerate(shares)]  # noqa: S311 (fairness)
    heapq.heapify(queue)
    counts = Counter[int]()
    for _ in range(count):
        if not queue:
            break
        in_progress, draw, index = heapq.heappop(queue)
        counts[index] += 1
        if counts[index] < shares[index].room:
            heapq.heappush(queue, (in_progress + 1, draw, index))
    return [(shares[index], count) for index, count in counts.items()]

"""Listing."""

from __future__ import annotations

from dataclasses import dataclass

from portal.models import QueueStatus


def percent(part: int, whole: int) -> int | None:
    """A whole per cent, never rounded to 0 or 100 unless it is exactly that; None where there is nothing to share."""
    if not whole:
        return None
    share = round(100 * part / whole)
    return min(max(share, 1 if part else 0), 100 if part == whole else 99)


@dataclass(frozen=True)
class Chip:
    """A status to filter by: its word ("All" for none), how many match it, whether it is chosen, and its address."""

    word: str
    status: QueueStatus | None
    count: int
    chosen: bool
    query: str

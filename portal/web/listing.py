"""Filter chips and percentages, for every list page."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


def percent(part: int, whole: int) -> int | None:
    """Return a whole percentage: 0 and 100 only if exact, None if `whole` is 0."""
    if not whole:
        return None
    share = round(100 * part / whole)
    return min(max(share, 1 if part else 0), 100 if part == whole else 99)


@dataclass(frozen=True)
class Chip:
    """A status filter: label, status (None = all), number of matches, whether it is selected, and query string."""

    word: str
    status: StrEnum | None
    count: int
    chosen: bool
    query: str

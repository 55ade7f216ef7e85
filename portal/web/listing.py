"""Filter chips and percentages, for every list page."""

from __future__ import annotations

from dataclasses import dataclass


def percent(part: int, whole: int) -> int | None:
    """Return a whole percentage: 0 and 100 only if exact, None if `whole` is 0."""
    if not whole:
        return None
    share = round(100 * part / whole)
    return min(max(share, 1 if part else 0), 100 if part == whole else 99)


@dataclass(frozen=True)
class Chip:
    """A filter above a list: its id, label, number of matches if known, query string, and whether it is selected."""

    id: str
    label: str
    count: int | None
    query: str
    is_selected: bool

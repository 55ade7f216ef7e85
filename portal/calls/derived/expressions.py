"""SQL expressions that the triggers of both databases and the recounts share."""

from __future__ import annotations

from portal.models import CallStatus
from portal.models.call import PICKED_STATUSES
from portal.models.call_counts import status_column

# Lengths of the intervals in which picked up calls are counted, in milliseconds.
MINUTE = 60_000
HOUR = 60 * MINUTE
LENGTHS = (MINUTE, HOUR)

COLUMNS = {status: status_column(status) for status in CallStatus}
COLUMN_NAMES = ", ".join(COLUMNS.values())
# The counts per status of a group of calls.
STATUS_SUMS = ", ".join(f"count(*) FILTER (WHERE status = '{status}')" for status in CallStatus)
PICKED = ", ".join(f"'{status}'" for status in CallStatus if status in PICKED_STATUSES)


def picked_at(row: str = "calls") -> str:
    """Return the time at which a call was picked up, if it was, or that of its last event if that is not recorded."""
    is_picked = f"{row}.status IN ({PICKED}) OR {row}.answered_at IS NOT NULL"
    return f"CASE WHEN {is_picked} THEN coalesce({row}.answered_at, {row}.last_event_at) END"


def count_by_status_sql(condition: str) -> str:
    """Return the select that counts calls per batch, status and reason to hold them."""
    return (
        "SELECT batch_key, status, coalesce(held_for, '') AS held_for, count(*) AS calls FROM calls"
        f" WHERE {condition} GROUP BY batch_key, status, coalesce(held_for, '')"
    )


def count_by_interval_sql(length: int, condition: str) -> str:
    """Return the select that counts the picked up calls per batch and interval."""
    return (
        f"SELECT batch_key, {length} AS length, picked_at / {length} AS number, count(*) AS calls"
        f" FROM (SELECT batch_key, {picked_at()} AS picked_at FROM calls WHERE {condition}) picked"
        f" WHERE picked_at IS NOT NULL GROUP BY batch_key, picked_at / {length}"
    )

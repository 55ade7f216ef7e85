"""Present dialers in the API. No SQL, request or HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from portal.models.call import HeldFor
from portal.times import format_iso
from portal.trunks.presenter import trunk_json


def worker_json(row: Any) -> dict[str, Any]:
    """Return a dialer from its row."""
    return {
        "name": row.worker,
        "host": row.host,
        "startedAt": format_iso(row.started_at),
        "seenAt": format_iso(row.seen_at),
        "events": row.events,
    }


def dialer_json(dialers: Iterable[Any], trunks: Iterable[Any], waiting: Mapping[HeldFor, int]) -> dict[str, Any]:
    """Return the state of dialing for an account: `trunks` and `waiting` are its own."""
    return {
        "workers": list(map(worker_json, dialers)),
        "trunks": list(map(trunk_json, trunks)),
        "waiting": {str(reason): waiting[reason] for reason in HeldFor},
    }

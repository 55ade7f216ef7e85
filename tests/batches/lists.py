"""Lists of batches in the API: names, totals and statuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def statuses(api: Callable) -> dict[str, str]:
    """Return the status of each batch by name."""
    return {batch["batchName"]: batch["queue_status"] for batch in api("?limit=100").json["data"]["batches"]}


def names(answer: Any) -> list[str]:
    """Return the names of the batches in a response."""
    return [batch["batchName"] for batch in answer.json["data"]["batches"]]


def total(answer: Any) -> int:
    """Return the number of batches on all pages of a response."""
    return answer.json["data"]["pagination"]["total"]

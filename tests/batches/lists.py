"""What the API lists."""

from __future__ import annotations

from collections.abc import Callable


def statuses(api: Callable) -> dict[str, str]:
    """Return the status of each batch by name."""
    return {batch["batchName"]: batch["queue_status"] for batch in api("?limit=100").json["data"]["batches"]}

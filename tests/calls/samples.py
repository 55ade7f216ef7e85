"""Phone numbers, events and counts for the tests of calls."""

from __future__ import annotations

from typing import Any


def numbers(count: int) -> list[str]:
    """Return different fictional numbers."""
    return [f"+1{201 + index // 100}55501{index % 100:02}" for index in range(count)]


def event(event_id: str, call: str, status: str, at: int, **more: Any) -> dict[str, Any]:
    """Return an event `at` seconds after noon."""
    moment = f"2026-03-02T12:{at // 60:02}:{at % 60:02}Z"
    return {"eventId": event_id, "callId": call, "callStatus": status, "occurredAt": moment} | more


def counts(batch: dict[str, Any]) -> tuple[int, int, int, str]:
    """Return three counts of a batch and its status."""
    return batch["totalCalls"], batch["callsPicked"], batch["callsCompleted"], batch["queue_status"]

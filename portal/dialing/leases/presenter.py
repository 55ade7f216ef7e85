"""Present leases in the API. No SQL, no request, no HTML."""

from __future__ import annotations

from typing import Any

from portal.times import format_iso


def leased_call_json(call: Any, held_until: int) -> dict[str, Any]:
    """Return a leased call; `call` is a TakenCall."""
    return {
        "attemptId": call.attempt_id,
        "callId": call.call_id,
        "batchId": call.batch_id,
        "phoneNumber": call.phone_number,
        "from": call.from_number,
        "number": call.number,
        "ringSeconds": call.ring_seconds,
        "heldUntil": format_iso(held_until),
        "fields": call.fields,
    }

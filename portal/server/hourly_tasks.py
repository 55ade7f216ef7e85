"""Tasks that one process of all runs once an hour (portal/server/background.py starts them)."""

from __future__ import annotations

from collections.abc import Callable

from portal.accounts import actions as accounts
from portal.calls import actions as calls
from portal.idempotency import actions as idempotency
from portal.limits import shared_counters
from portal.times import now_ms
from portal.trunks import actions as trunks
from portal.uploads import actions as uploads

BUCKET = "hourly tasks"
SECONDS = 3590  # less than an hour, so that no process comes a moment too early each time

TASKS: tuple[Callable[[], object], ...] = (
    uploads.delete_old_uploads,
    idempotency.delete_expired_answers,
    accounts.reencrypt_secrets,
    trunks.renew_encryption,
    calls.divide_earlier_events,
    calls.divide_large_batches,
)


def run() -> None:
    """Run the tasks unless another process or node has done so in this hour."""
    if shared_counters.increment(BUCKET, 1, SECONDS, now_ms())[0] == 1:
        for task in TASKS:
            task()

"""Wait for the calls that were taken before their numbers were suppressed."""

from __future__ import annotations

import time
from collections.abc import Iterable

from portal.dialing.query import find_unplaced_numbers
from portal.extensions import db
from portal.models.trunk import PLACE_WITHIN_MS

MAX_SECONDS = (PLACE_WITHIN_MS + 500) / 1000  # afterwards, what was taken before is not placed any more
POLL_SECONDS = 0.02


def wait_for_placements(owner_key: int, phone_numbers: Iterable[str]) -> None:
    """Wait until no dialer of the portal is about to place a call to one of the numbers.

    A call can be taken just before its number is suppressed. So the answer to that change comes after its placement.
    """
    numbers = set(phone_numbers)
    deadline = time.monotonic() + MAX_SECONDS
    while time.monotonic() < deadline:
        db.session.rollback()  # each look reads the current rows
        if numbers.isdisjoint(find_unplaced_numbers(owner_key)):
            return
        time.sleep(POLL_SECONDS)

"""Check due calls against everything that can forbid them now, at the moment at which they are taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Row

from portal.batches.settings import dialing_rules
from portal.dialing import query
from portal.dialing.callee_zones import find_zone_set, split_zone_set
from portal.dialing.rules import DueCall, Hold, find_hold
from portal.models.call import HeldFor
from portal.suppressions.query import find_suppressed
from portal.times import DAY_MS

BUSY_NUMBER_MS = 10_000  # until a call is checked again because another one to its number is in progress


@dataclass
class CheckedCalls:
    """The calls that may be placed, those that are held (with the hold and the zones), and those on a list."""

    allowed: list[Row[Any]] = field(default_factory=list)
    held: list[tuple[Row[Any], Hold, str]] = field(default_factory=list)
    suppressed: list[Row[Any]] = field(default_factory=list)


def check_calls(
    owner_key: int, settings: dict[str, Any], calls: Sequence[Row[Any]], taken: set[str], now: int
) -> CheckedCalls:
    """Check calls of one batch, in their order. `taken` are the numbers taken in this step, which it extends."""
    rules = dialing_rules(settings)
    numbers = [call.phone_number for call in calls]
    suppressed = find_suppressed(owner_key, numbers, now, every_list=settings.get("enableDNC", False))
    busy = query.find_open_numbers(owner_key, numbers) | taken
    times = query.find_attempt_times(owner_key, numbers, now - DAY_MS) if rules.attempts_per_day else {}
    checked = CheckedCalls()
    for call in calls:
        number = call.phone_number
        if number in suppressed:
            checked.suppressed.append(call)
            continue
        zone_set = call.zone_set or find_zone_set(number, call.fields)
        hold = find_hold(rules, DueCall(split_zone_set(zone_set), call.due_at, times.get(number, ())), now)
        if hold is None and number in busy:
            hold = Hold(HeldFor.LIMIT, now + BUSY_NUMBER_MS)
        if hold:
            checked.held.append((call, hold, zone_set))
        else:
            busy.add(number)
            checked.allowed.append(call)
    return checked

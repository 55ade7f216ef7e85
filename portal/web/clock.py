"""The current time and the user's time zone, fixed for one request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from flask import g
from flask_login import current_user

from portal.times import now_ms, zone_or_utc


@dataclass(frozen=True)
class RequestClock:
    """The time of the request in milliseconds, and the user's time zone."""

    now: int
    zone: tzinfo


def request_clock() -> RequestClock:
    """Return the clock of this request."""
    if "clock" not in g:
        g.clock = RequestClock(now_ms(), zone_or_utc(current_user.zone if current_user.is_authenticated else "UTC"))
    return g.clock

"""The clock of whoever reads the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo

from flask import g
from flask_login import current_user

from portal.times import now_ms, zone_or_utc


@dataclass(frozen=True)
class RequestClock:
    """One moment for the whole answer, in milliseconds, and the reader's time zone."""

    now: int
    zone: tzinfo


def request_clock() -> RequestClock:
    """The clock of this request."""
    if "clock" not in g:
        g.clock = RequestClock(now_ms(), zone_or_utc(current_user.zone if current_user.is_authenticated else "UTC"))
    return g.clock

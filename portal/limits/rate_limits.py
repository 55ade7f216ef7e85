"""How many requests a token and an address may make, and the headers that tell it (RateLimit, by the IETF's draft)."""

from __future__ import annotations

import ipaddress
import math
import time
from dataclasses import dataclass
from typing import Any

from flask import Flask, request
from flask.globals import app_ctx
from werkzeug.exceptions import TooManyRequests

from portal.limits import shared_counters
from portal.limits.fixed_windows import FixedWindowCounters
from portal.telemetry import metrics
from portal.times import now_ms
from portal.web.sessions import is_monitoring_path

RATE_EXTENSION = "rates"
WINDOW_SECONDS = 10  # seconds; within it a burst passes
STEPS = 20  # a process tells the others after each twentieth of a limit


@dataclass(frozen=True)
class RateLimit:
    """One limit: what it counts by, how many are let through in a window, and what is counted."""

    by: str
    amount: int
    windows: FixedWindowCounters

    def count(self, key: str, here: Any) -> None:
        """Count this request, and keep in `here`, its `g`, what the headers tell. Raises TooManyRequests."""
        now = time.time()
        window = self.windows.count(key, now)
        left = self.amount - window.count
        seconds = max(1, math.ceil(window.ends_at - now))
        here.rate = (f'"{self.by}";q={self.amount};w={WINDOW_SECONDS}', f'"{self.by}";r={max(0, left)};t={seconds}')
        if left < 0:
            metrics.rate_limited.labels(self.by).inc()
            raise TooManyRequests(retry_after=seconds)


def init_app(app: Flask) -> None:
    """Tie the limits to the app. Each comes from a setting; 0 = there is none."""
    wanted = {"token": app.config["RATE_PER_TOKEN"], "address": app.config["RATE_PER_ADDRESS"]}
    app.extensions[RATE_EXTENSION] = {
        by: make_rate_limit(by, rate * WINDOW_SECONDS) for by, rate in wanted.items() if rate
    }

    @app.before_request
    def count() -> None:
        asked = request._get_current_object()
        # What asks for a token counts by itself (accounts/bearer.py).
        if hasattr(app.view_functions.get(asked.endpoint or ""), "operation"):
            return
        if asked.endpoint != "static" and not is_monitoring_path(asked.path):
            count_address()


def make_rate_limit(by: str, amount: int) -> RateLimit:
    """A limit of so many in a window."""

    def share(bucket: str, n: int, seconds: int) -> tuple[int, float] | None:
        told = shared_counters.try_increment(f"{by}-{bucket}", n, seconds, now_ms())  # nobody waits or fails for it
        return (told[0], told[1] / 1000) if told else None

    return RateLimit(
        by, amount, FixedWindowCounters(share, WINDOW_SECONDS, step=max(1, amount // STEPS), enough=amount)
    )


def count_token(token_id: str) -> None:
    """Count a request of a good token. Raises TooManyRequests."""
    count_request("token", token_id)


def count_address() -> None:
    """Count a request without a good token. Raises TooManyRequests."""
    count_request("address", address_network(request.remote_addr or ""))


def count_request(what: str, key: str) -> None:
    """Count where there is a limit of that name."""
    here = app_ctx._get_current_object()
    if rate := here.app.extensions[RATE_EXTENSION].get(what):
        rate.count(key, here.g)


def address_network(address: str) -> str:
    """Whom an address belongs to: itself; of IPv6 the /64, which is the least that anybody gets."""
    if ":" not in address:
        return address
    try:
        found = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(found.ipv4_mapped or ipaddress.IPv6Network((found, 64), strict=False))

"""Limit the requests per token and per address, and report it in the headers RateLimit and RateLimit-Policy.

The headers follow draft-ietf-httpapi-ratelimit-headers.
"""

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
WINDOW_SECONDS = 10  # a burst within one window passes
STEPS = 20  # a process shares its count after each twentieth of a limit


@dataclass(frozen=True)
class RateLimit:
    """The maximum number of requests in a window, by "token" or by "address"."""

    by: str
    amount: int
    windows: FixedWindowCounters

    def count(self, key: str, context: Any) -> None:
        """Count a request and store the header values in `context`, its `g`. Raises TooManyRequests."""
        now = time.time()
        window = self.windows.count(key, now)
        remaining = self.amount - window.count
        seconds = max(1, math.ceil(window.ends_at - now))
        policy = f'"{self.by}";q={self.amount};w={WINDOW_SECONDS}'
        context.rate = (policy, f'"{self.by}";r={max(0, remaining)};t={seconds}')
        if remaining < 0:
            metrics.rate_limited.labels(self.by).inc()
            raise TooManyRequests(retry_after=seconds)


def init_app(app: Flask) -> None:
    """Create the limits from the settings (0 = unlimited), and count the requests that do not need a token."""
    rates = {"token": app.config["RATE_PER_TOKEN"], "address": app.config["RATE_PER_ADDRESS"]}
    app.extensions[RATE_EXTENSION] = {
        by: create_rate_limit(by, rate * WINDOW_SECONDS) for by, rate in rates.items() if rate
    }

    @app.before_request
    def count() -> None:
        current = request._get_current_object()
        # Operations of the API count their requests themselves (accounts/bearer.py).
        if hasattr(app.view_functions.get(current.endpoint or ""), "operation"):
            return
        if current.endpoint != "static" and not is_monitoring_path(current.path):
            count_address()


def create_rate_limit(by: str, amount: int) -> RateLimit:
    """Return a limit of `amount` requests in a window."""

    def share(bucket: str, n: int, seconds: int) -> tuple[int, float] | None:
        shared = shared_counters.try_increment(f"{by}-{bucket}", n, seconds, now_ms())
        return (shared[0], shared[1] / 1000) if shared else None

    windows = FixedWindowCounters(share, WINDOW_SECONDS, step=max(1, amount // STEPS), maximum=amount)
    return RateLimit(by, amount, windows)


def count_token(token_id: str) -> None:
    """Count a request with a valid token. Raises TooManyRequests."""
    count_request("token", token_id)


def count_address() -> None:
    """Count a request without a valid token. Raises TooManyRequests."""
    count_request("address", address_network(request.remote_addr or ""))


def count_request(by: str, key: str) -> None:
    """Count a request if there is such a limit."""
    context = app_ctx._get_current_object()
    if limit := context.app.extensions[RATE_EXTENSION].get(by):
        limit.count(key, context.g)


def address_network(address: str) -> str:
    """Return an IPv4 address, or the /64 network of an IPv6 address: the smallest that a provider assigns."""
    if ":" not in address:
        return address
    try:
        ipv6 = ipaddress.IPv6Address(address.partition("%")[0])
    except ValueError:
        return address
    return str(ipv6.ipv4_mapped or ipaddress.IPv6Network((ipv6, 64), strict=False))

"""Decide whether an attempt's outcome leads to another try, and when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.batches.settings import DEFAULT_RETRY_ON, dialing_rules
from portal.dialing.windows import ANY_TIME, Window, next_opening
from portal.models import CallStatus

RETRY_SETTINGS = frozenset({"retry", "delay", "retryOn", "timezone", "callingHour", "allowedDays"})


@dataclass(frozen=True)
class RetryRule:
    """A batch's settings of retries: how often, after which time (milliseconds), after which outcomes, and when."""

    retry: int = 0
    delay: int = 0
    outcomes: frozenset[str] = frozenset(DEFAULT_RETRY_ON)
    window: Window = ANY_TIME
    zone: str = "UTC"

    def allows_retry(self, number: int, outcome: CallStatus) -> bool:
        """Return whether the call is tried again after this attempt."""
        return number <= self.retry and outcome in self.outcomes

    def next_at(self, ended_at: int) -> int:
        """Return the time of the next try in milliseconds: after the delay, inside the batch's window."""
        return next_opening(self.window, self.zone, ended_at + self.delay)


def read_retry_rule(settings: Mapping[str, Any]) -> RetryRule:
    """Return the rule in a batch's stored settings."""
    rules = dialing_rules(settings)
    return RetryRule(
        settings.get("retry", 0),
        settings.get("delay", 0) * 1000,
        frozenset(settings.get("retryOn", DEFAULT_RETRY_ON)),
        rules.window,
        rules.zone,
    )

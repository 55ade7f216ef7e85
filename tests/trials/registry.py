"""All trials in the order of the table. Each module defines one as TRIAL."""

from __future__ import annotations

from importlib import import_module

from tests.trials.trial import Trial

MODULES = (
    "random_requests",
    "api_cases",
    "generated_clients",
    "bad_values",
    "costs",
    "callers",
    "two_owners",
    "injection",
    "sign_in",
    "sign_in_races",
    "dependencies",
    "leaked_secrets",
    "kills",
    "restarts",
    "failover",
    "outages",
    "contention",
    "leases",
    "stops",
    "abandoned",
    "callbacks",
    "load",
    "dialing",
    "asterisk",
    "dialer_kills",
    "dialer_outages",
    "engine_kills",
    "emergency_stops",
    "campaign",
    "backups",
    "migrations",
)


def all_trials() -> dict[str, Trial]:
    """Return every trial by its name."""
    trials = [import_module(f"tests.trials.{module}").TRIAL for module in MODULES]
    return {trial.name: trial for trial in trials}

"""All trials, in the order of the table; each module names its own in TRIAL."""

from __future__ import annotations

from importlib import import_module

from tests.trials.trial import Trial

MODULES = (
    "random_requests",
    "api_cases",
    "bad_values",
    "callers",
    "two_owners",
    "injection",
    "sign_in",
    "dependencies",
    "kept_secrets",
    "kills",
    "restarts",
    "troubles",
    "contention",
    "stops",
    "load",
    "backups",
    "migrations",
)


def all_trials() -> dict[str, Trial]:
    """Every trial by its name."""
    found = [import_module(f"tests.trials.{module}").TRIAL for module in MODULES]
    return {trial.name: trial for trial in found}

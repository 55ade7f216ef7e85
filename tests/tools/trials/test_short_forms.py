"""Every trial in its short form: it passes on the portal as it is, and fails on one that is broken for it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.trials.registry import all_trials
from tests.trials.trial import Breaking, Outcome, Trial

TRIALS = all_trials().values()
# Trials that start servers take seconds each: on one database here, and broken by `make trials ARGS=--broken` alone.
ON_DATABASES = [
    pytest.param(one, on, id=f"{one.name} {on}".strip())
    for one in TRIALS
    for on in (one.databases[:1] if one.serves else one.databases)
]
BROKEN = [
    pytest.param(one, breaking, id=f"{one.name}: {what}")
    for one in TRIALS
    for what, breaking in one.broken.items()
    if not one.serves
]


@pytest.mark.parametrize(("trial", "database"), ON_DATABASES)
def test_the_portal_passes(trial: Trial, database: str, short_form: Callable[..., Outcome]) -> None:
    outcome = short_form(trial, database)
    assert not outcome.failures, "\n".join(outcome.failures[:20])
    assert outcome.left_out or outcome.done > 0


@pytest.mark.parametrize(("trial", "breaking"), BROKEN)
def test_a_broken_portal_does_not(trial: Trial, breaking: Breaking, short_form: Callable[..., Outcome]) -> None:
    with breaking():
        assert short_form(trial, trial.databases[0], first=True).failures


def test_every_trial_can_fail() -> None:
    assert [trial.name for trial in TRIALS if not trial.broken] == []

"""The short form of every trial: it passes on the portal, and fails on a portal with one of its defects."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.trials.registry import all_trials
from tests.trials.trial import Defect, Outcome, Trial

TRIALS = all_trials().values()
# Trials with servers are slow: one database is enough here, and only `make trials ARGS=--broken` tests their defects.
ON_DATABASES = [
    pytest.param(one, on, id=f"{one.name} {on}".strip())
    for one in TRIALS
    for on in (one.databases[:1] if one.starts_servers else one.databases)
]
DEFECTS = [
    pytest.param(one, defect, id=f"{one.name}: {description}")
    for one in TRIALS
    for description, defect in one.defects.items()
    if not one.starts_servers
]


@pytest.mark.parametrize(("trial", "database"), ON_DATABASES)
def test_the_portal_passes(trial: Trial, database: str, short_form: Callable[..., Outcome]) -> None:
    outcome = short_form(trial, database)
    assert not outcome.failures, "\n".join(outcome.failures[:20])
    assert outcome.untested or outcome.done > 0


@pytest.mark.parametrize(("trial", "defect"), DEFECTS)
def test_a_portal_with_a_defect_fails(trial: Trial, defect: Defect, short_form: Callable[..., Outcome]) -> None:
    with defect():
        assert short_form(trial, trial.databases[0], stop_at_first=True).failures


def test_every_trial_has_a_defect() -> None:
    assert [trial.name for trial in TRIALS if not trial.defects] == []

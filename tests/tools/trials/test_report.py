"""The stored results of trials and the page with text written by hand."""

from __future__ import annotations

from pathlib import Path

from tests.trials import report
from tests.trials.dependencies import TRIAL, summarize_audit
from tests.trials.trial import Outcome

TRIALS = {TRIAL.name: TRIAL}


def store(folder: Path, database: str, outcome: Outcome) -> str:
    report.store([report.result_of(TRIAL, database, 1, outcome, 1.25)], TRIALS, "Python 3", folder)
    return (folder / "trials.md").read_text()


def test_a_result_is_stored_until_the_next_run(tmp_path: Path) -> None:
    store(tmp_path, "sqlite", Outcome(3, ["it broke"]))
    both = store(tmp_path, "postgresql", Outcome(1234, figures={"p95 ms": 8.5, "rows": 2000}))
    assert "| SQLite | 3 pins | " in both
    assert "| **1 failures** |" in both
    assert "| PostgreSQL | 1,234 pins | " in both
    assert "p95 ms 8.5; rows 2,000" in both
    assert "**1 failures**" not in store(tmp_path, "sqlite", Outcome(3))


def test_text_written_by_hand_is_preserved(tmp_path: Path) -> None:
    page = store(tmp_path, "sqlite", Outcome(3))
    (tmp_path / "trials.md").write_text(page + "## Found and fixed\n\nMuch.\n")
    again = store(tmp_path, "sqlite", Outcome(4))
    assert again.endswith(f"{report.BY_HAND}\n## Found and fixed\n\nMuch.\n")
    assert again.count(report.BY_HAND) == 1


def test_an_untested_trial_has_not_passed(tmp_path: Path) -> None:
    outcome = Outcome(0, untested="no Chromium here")
    assert not outcome.passed
    assert "not tested: no Chromium here" in store(tmp_path, "", outcome)
    assert "passed in part: no service" in store(tmp_path, "", Outcome(3, untested="no service"))


def test_packages_unknown_to_pip_audit_were_not_checked() -> None:
    unknown = {"name": "a", "skip_reason": "Dependency not found"}
    vulnerable = {"name": "b", "version": "1", "vulns": [{"id": "PYSEC-1"}]}
    assert summarize_audit([unknown]) == ([], "service did not answer")
    assert summarize_audit([unknown, vulnerable]) == (["b 1: PYSEC-1"], "1 checked, 1 unknown to its service")

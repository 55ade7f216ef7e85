"""What is kept of trials: run after run, and what people wrote beside it."""

from __future__ import annotations

from pathlib import Path

from tests.trials import report
from tests.trials.dependencies import TRIAL, judged
from tests.trials.trial import Outcome

TRIALS = {TRIAL.name: TRIAL}


def keep(folder: Path, database: str, outcome: Outcome) -> str:
    report.keep([report.result_of(TRIAL, database, 1, outcome, 1.25)], TRIALS, "Python 3", folder)
    return (folder / "trials.md").read_text()


def test_each_run_stands_until_the_next_of_its_kind(tmp_path: Path) -> None:
    keep(tmp_path, "sqlite", Outcome(3, ["it broke"]))
    both = keep(tmp_path, "postgresql", Outcome(1234, figures={"p95 ms": 8.5, "rows": 2000}))
    assert "| SQLite | 3 pins | " in both
    assert "| **1 failures** |" in both
    assert "| PostgreSQL | 1,234 pins | " in both
    assert "p95 ms 8.5; rows 2,000" in both
    assert "**1 failures**" not in keep(tmp_path, "sqlite", Outcome(3))


def test_what_people_wrote_is_left_alone(tmp_path: Path) -> None:
    page = keep(tmp_path, "sqlite", Outcome(3))
    (tmp_path / "trials.md").write_text(page + "## Found and mended\n\nMuch.\n")
    again = keep(tmp_path, "sqlite", Outcome(4))
    assert again.endswith(f"{report.BY_HAND}\n## Found and mended\n\nMuch.\n")
    assert again.count(report.BY_HAND) == 1


def test_what_could_not_be_tried_has_not_passed(tmp_path: Path) -> None:
    outcome = Outcome(0, left_out="no Chromium here")
    assert not outcome.passed
    assert "not tried: no Chromium here" in keep(tmp_path, "", outcome)
    assert "passed in part: nobody to ask" in keep(tmp_path, "", Outcome(3, left_out="nobody to ask"))


def test_pip_audit_that_knows_nothing_was_not_asked() -> None:
    unknown = {"name": "a", "skip_reason": "Dependency not found"}
    hole = {"name": "b", "version": "1", "vulns": [{"id": "PYSEC-1"}]}
    assert judged([unknown]) == ([], "could not ask")
    assert judged([unknown, hole]) == (["b 1: PYSEC-1"], "1 asked, 1 unknown to its service")

"""The results of trials: stored in docs/trials.json, formatted as a table, and written to the top of docs/trials.md."""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from portal.version import ROOT
from tests.benchmarks.report import describe_machine
from tests.trials.trial import Outcome, Trial

DOCS = ROOT / "docs"
ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "": "-"}
LIBRARIES = ("Flask", "SQLAlchemy", "psycopg", "gunicorn", "schemathesis", "playwright")

# Everything below this line of docs/trials.md is preserved.
BY_HAND = "<!-- written by hand from here on; `make trials` leaves it alone -->"

INTRODUCTION = """# Trials

The latest result of each trial of `make trials` at its full size. `make trials ARGS=--broken` shows that each trial
fails on a portal with a defect, and `make test` runs a short form of each.

{machine}. {versions}.
"""


@dataclass(frozen=True)
class Result:
    """The result of one trial on one database."""

    trial: str
    database: str
    day: str
    count: int
    done: int
    seconds: float
    failures: list[str]
    figures: dict[str, Any]
    untested: str

    @property
    def verdict(self) -> str:
        """Whether the trial passed, as a text for the table."""
        if self.failures:
            return f"**{len(self.failures)} failures**"
        if self.untested:
            return f"{'passed in part' if self.done else 'not tested'}: {self.untested}"
        return "passed"


def result_of(trial: Trial, database: str, count: int, outcome: Outcome, seconds: float) -> Result:
    """Return the result of a run."""
    today = datetime.now(UTC).date().isoformat()
    rest = (list(outcome.failures), dict(outcome.figures), outcome.untested)
    return Result(trial.name, database, today, count, outcome.done, round(seconds, 1), *rest)


def load(folder: Path = DOCS) -> dict[str, Result]:
    """Return the stored results, by trial and database."""
    path = folder / "trials.json"
    return {name: Result(**stored) for name, stored in json.loads(path.read_text()).items()} if path.exists() else {}


def store(results: Iterable[Result], trials: Mapping[str, Trial], versions: str, folder: Path = DOCS) -> None:
    """Add results to the stored ones and write the top of the page again; the rest of the page is preserved."""
    stored = load(folder) | {f"{result.trial} {result.database}".strip(): result for result in results}
    content = {name: asdict(result) for name, result in sorted(stored.items())}
    (folder / "trials.json").write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    page = folder / "trials.md"
    _, mark, by_hand = page.read_text().partition(BY_HAND) if page.exists() else ("", "", "")
    introduction = INTRODUCTION.format(machine=describe_machine(), versions=versions)
    by_hand = by_hand.lstrip("\n") if mark else ""
    page.write_text(f"{introduction}\n{format_table(stored.values(), trials)}\n{BY_HAND}\n{by_hand}")


def format_table(results: Iterable[Result], trials: Mapping[str, Trial]) -> str:
    """Return the results as a Markdown table, in the order of the trials."""
    order = list(trials)
    known = sorted((result for result in results if result.trial in trials), key=lambda one: order.index(one.trial))
    head = ("trial", "database", "size", "passes when", "verdict", "figures", "time", "day")
    lines = [head, ("---",) * len(head), *(format_row(result, trials[result.trial]) for result in known)]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def format_row(result: Result, trial: Trial) -> tuple[str, ...]:
    """Return the cells of one result."""
    size, time = f"{result.done:,} {trial.unit}", f"{result.seconds:,.0f} s"
    figures = "; ".join(f"{name} {format_figure(value)}" for name, value in result.figures.items())
    engine = ENGINES[result.database]
    return (trial.title, engine, size, trial.passes_when, result.verdict, figures, time, result.day)


def format_figure(value: str | int | float) -> str:
    """Return a figure for the table."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if isinstance(value, float) else value


def describe_versions(postgresql: str) -> str:
    """Return the versions of Python, the databases and the main libraries."""
    databases = [f"SQLite {sqlite3.sqlite_version}", *([f"PostgreSQL {postgresql}"] if postgresql else [])]
    libraries = [f"{name} {version(name)}" for name in LIBRARIES]
    return ", ".join([f"Python {platform.python_version()}", *databases, *libraries])

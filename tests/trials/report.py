"""What came out of trials: kept in docs/trials.json, told as a table, written to the head of docs/trials.md."""

from __future__ import annotations

import json
import platform
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from portal.version import ROOT
from tests.benchmarks.report import machine
from tests.trials.trial import Outcome, Trial

DOCS = ROOT / "docs"
ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL", "": "-"}
LIBRARIES = ("Flask", "SQLAlchemy", "psycopg", "gunicorn", "schemathesis", "playwright")

# Below this line docs/trials.md belongs to people.
BY_HAND = "<!-- written by hand from here on; `make trials` leaves it alone -->"

INTRODUCTION = """# Trials

What `make trials` found, each trial at its full figure, on the day that stands beside it. Each is also shown failing on
a portal that was broken for it (`make trials ARGS=--broken`), and a short form of each runs in `make test`.

{machine}. {versions}.
"""


@dataclass(frozen=True)
class Result:
    """One run of one trial on one database."""

    trial: str
    database: str
    day: str
    count: int
    done: int
    seconds: float
    failures: list[str]
    figures: dict[str, Any]
    left_out: str

    @property
    def verdict(self) -> str:
        """passed, or not, or as far as it could be tried."""
        if self.failures:
            return f"**{len(self.failures)} failures**"
        if self.left_out:
            return f"{'passed in part' if self.done else 'not tried'}: {self.left_out}"
        return "passed"


def result_of(trial: Trial, database: str, count: int, outcome: Outcome, seconds: float) -> Result:
    """A run as it is kept."""
    today = datetime.now(UTC).date().isoformat()
    figures = (list(outcome.failures), dict(outcome.figures), outcome.left_out)
    return Result(trial.name, database, today, count, outcome.done, round(seconds, 1), *figures)


def kept(folder: Path = DOCS) -> dict[str, Result]:
    """What is kept of former full runs, by trial and database."""
    path = folder / "trials.json"
    return {name: Result(**found) for name, found in json.loads(path.read_text()).items()} if path.exists() else {}


def keep(results: Iterable[Result], trials: Mapping[str, Trial], versions: str, folder: Path = DOCS) -> None:
    """Keep full runs beside those kept before, and write the page anew; what people wrote below the mark stays."""
    found = kept(folder) | {f"{result.trial} {result.database}".strip(): result for result in results}
    plain = {name: result.__dict__ for name, result in sorted(found.items())}
    (folder / "trials.json").write_text(json.dumps(plain, indent=1, ensure_ascii=False) + "\n")
    page = folder / "trials.md"
    _, mark, by_hand = page.read_text().partition(BY_HAND) if page.exists() else ("", "", "")
    head = INTRODUCTION.format(machine=machine(), versions=versions) + "\n" + table(found.values(), trials)
    page.write_text(f"{head}\n{BY_HAND}\n{by_hand.lstrip(chr(10)) if mark else ''}")


def table(results: Iterable[Result], trials: Mapping[str, Trial]) -> str:
    """The results in the order of the trials, as a table of Markdown."""
    order = list(trials)
    known = sorted((result for result in results if result.trial in trials), key=lambda one: order.index(one.trial))
    rows = [row(result, trials[result.trial]) for result in known]
    head = ("trial", "database", "done", "passes when", "verdict", "figures", "time", "day")
    lines = [head, ("---",) * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def row(result: Result, trial: Trial) -> tuple[str, ...]:
    """One run as a row."""
    figures = "; ".join(f"{name} {figure(value)}" for name, value in result.figures.items())
    done = f"{result.done:,} {trial.unit}"
    took = f"{result.seconds:,.0f} s"
    return (trial.title, ENGINES[result.database], done, trial.passes_when, result.verdict, figures, took, result.day)


def figure(value: str | int | float) -> str:
    """A figure as people read it."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.4g}" if isinstance(value, float) else value


def versions(postgresql: str) -> str:
    """Of Python, the databases and the libraries that matter."""
    servers = [f"SQLite {sqlite3.sqlite_version}", *([f"PostgreSQL {postgresql}"] if postgresql else [])]
    told = [f"Python {platform.python_version()}", *servers]
    return ", ".join([*told, *(f"{name} {version(name)}" for name in LIBRARIES)])

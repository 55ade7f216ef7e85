"""The figures as a page of Markdown: goals first, then everything that was measured."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.goals import FRAGMENT, GOALS, KINDS_TOLD, PORTAL, Results
from tests.benchmarks.rounds import BEARER_FLOOR, FLOOR, NOT_MODIFIED, SESSION_FLOOR
from tests.benchmarks.writes import GROUPED, SINGLE

ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
LIBRARIES = ("Flask", "SQLAlchemy", "psycopg", "gunicorn", "Jinja2")

INTRODUCTION = """# Benchmarks

What `make bench` measured: {live:,} live batches of {users:,} users, a tenth as many deleted ones, on both databases;
the portal as it is shipped, with one worker, and what people would use instead, with the same data. Before anything was
timed, {compared:,} answers were compared: all contenders told the same ids and totals. Then every figure in turn,
{rounds} rounds, warm; medians. Compare within a table only.

A no-op route is one of the portal's own app, so that what every request costs (its id, its log line, its headers) is on
both sides; Flask with nothing in it stands beside it among the floors. "First time" means that nothing was remembered:
the user's list has changed since. The peers' table has an index for the list in its order
(user, deleted, time of creation, id), or the same with the name in it, which covers the count of a search.

{machine}, {today}. {versions}.

![How long a list takes as a user's batches grow](benchmarks.svg)
"""


def machine() -> str:
    """What this was measured on, without its name."""
    model = next(
        (line.partition(":")[2].strip() for line in cpu_lines() if line.startswith("model name")), platform.machine()
    )
    cores = sum(line.startswith("processor") for line in cpu_lines())
    return f"{model}, {cores} cores, {platform.system()} {platform.release().split('-')[0]}"


def cpu_lines() -> list[str]:
    """What the system tells of its processors."""
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def versions(servers: dict[str, str]) -> str:
    """Of Python, the databases and the libraries that matter."""
    told = [f"Python {platform.python_version()}", *(f"{ENGINES[engine]} {found}" for engine, found in servers.items())]
    return ", ".join([*told, *(f"{name} {version(name)}" for name in LIBRARIES)])


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A table."""
    head = list(head)
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def short(seconds: float | None) -> str:
    """A time in a table."""
    if seconds is None:
        return ""
    return f"{seconds * 1e6:,.0f} µs" if seconds < 0.01 else f"{seconds * 1e3:,.1f} ms"


def times(value: float | None) -> str:
    """A ratio in a table."""
    if value is None:
        return ""
    return f"{value:,.0f}x" if value >= 100 else f"{value:.2f}x"


def goals(found: list[Results]) -> str:
    """The goals with what was reached."""
    rows = []
    for goal in GOALS:
        row = [goal.what]
        for results in found:
            value, bound = goal.figure(results), goal.bound(results.engine)
            sign = "≥" if goal.at_least else "≤"
            told = "no goal" if bound is None else f"{sign} {bound:g}x"
            verdict = "" if value is None or bound is None else "yes" if goal.met(results.engine, value) else "**no**"
            row += [told, times(value), verdict] if value is not None else [told, "not measured", ""]
        rows.append(row)
    head = ["", *(word for results in found for word in (f"{ENGINES[results.engine]} goal", "reached", "met"))]
    return table(head, rows)


def growth(results: Results) -> str:
    """The portal's own figures by the size of the list."""
    rows = []
    for kind in KINDS_TOLD:
        taken = [results.time(PORTAL, kind, size) for size in results.sizes]
        rows.append([kind, *map(short, taken), times(results.growth(kind))])
    fragment = [results.time(FRAGMENT, "page 1", size) for size in results.sizes]
    rows.append(["page 1 as the HTML fragment", *map(short, fragment), times(fragment[-1] / fragment[0])])
    rows.append(["a 304", *[""] * (len(results.sizes) - 1), short(results.time(PORTAL, NOT_MODIFIED)), ""])
    return table(["portal", *(f"{size:,} batches" for size in results.sizes), "growth"], rows)


def floors(results: Results) -> str:
    """Routes that do nothing."""
    told = (
        ("Flask with nothing in it", "bare Flask", FLOOR),
        ("the portal's no-op route", PORTAL, FLOOR),
        ("with a bearer check", PORTAL, BEARER_FLOOR),
        ("with a session", FRAGMENT, SESSION_FLOOR),
    )
    return table(["floor", "time"], [[words, short(results.time(who, kind))] for words, who, kind in told])


def peers(results: Results) -> str:
    """Everybody at the largest list."""
    kinds = ["page 1", "middle page", "last page", "few hits", "no hits", "one status", *KINDS_TOLD[-4:]]
    names = list(dict.fromkeys(cell.contender for cell in results.medians if cell.contender != "bare Flask"))
    rows = []
    for name in names:
        taken = [results.time(name, kind) for kind in kinds]
        if any(taken):
            rows.append([name, *map(short, taken)])
    return table([f"{results.sizes[-1]:,} batches", *kinds], rows)


def others(results: Results) -> str:
    """Requests a second, memory, readers, writes."""
    lines = [table(["requests a second, smallest user", ""], [[n, f"{r:,.0f}"] for n, r in results.throughput.items()])]
    if results.memory:
        told = results.memory
        lines.append(
            f"Memory of a worker: {megabytes(told.start)} at its start, {megabytes(told.small)} after the smallest"
            f" user's requests, {megabytes(told.everybody)} after as many of everybody's.\n"
        )
    if results.readers:
        told = results.readers
        lines.append(
            f"While one writer imported {told.calls:,} calls in {told.import_seconds:.0f} s, the list's 95th percentile"
            f" went from {short(told.idle_p95)} to {short(told.busy_p95)};"
            f" {told.answers:,} answers, {told.failures} failed.\n"
        )
    rows = [
        [
            f"{change.replace('_', ' ')}, {mode}",
            *(short(results.writes.get((kind, change, mode))) for kind in (PORTAL, "indexed", "plain")),
        ]
        for change in ("insert", "change_status")
        for mode in (SINGLE, GROUPED)
    ]
    head = ["a change", "portal", "the same table and indexes, nothing kept", "the peers' table"]
    lines.append(table(head, rows))
    return "\n".join(lines)


def megabytes(count: int) -> str:
    """Bytes in a sentence."""
    return f"{count / 1e6:,.0f} MB"


def page(found: list[Results], servers: dict[str, str], live: int, users: int, rounds: int, compared: int) -> str:
    """The whole page."""
    parts = [
        INTRODUCTION.format(
            live=live,
            users=users,
            rounds=rounds,
            compared=compared,
            machine=machine(),
            today=date.today().isoformat(),  # noqa: DTZ011 (the day of whoever measured)
            versions=versions(servers),
        ),
        "## Goals\n",
        goals(found),
    ]
    for results in found:
        parts += [f"## {ENGINES[results.engine]}\n", growth(results), floors(results), peers(results), others(results)]
    return "\n".join(parts)


def tell(text: str) -> None:
    """Say it on standard output."""
    sys.stdout.write(text + "\n")

"""The report of the benchmark as a Markdown page: the goals first, then all figures."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterable
from datetime import date
from importlib.metadata import version
from pathlib import Path

from tests.benchmarks.goals import FRAGMENT, GOALS, PORTAL, REPORTED_KINDS, Results
from tests.benchmarks.measurement import BEARER_FLOOR, FLOOR, NOT_MODIFIED, SESSION_FLOOR
from tests.benchmarks.write_costs import GROUPED, SINGLE

ENGINES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
LIBRARIES = ("Flask", "SQLAlchemy", "psycopg", "gunicorn", "Jinja2")

INTRODUCTION = """# Benchmarks

`make bench` compares the portal, as shipped and with one worker, with other ways to build the same list. The data are
{live:,} live batches and a tenth as many deleted ones, of {users:,} users, on both databases. Before the measurement,
{compared:,} pages were compared: all systems returned the same ids and totals. Then every figure was measured in turn,
in {rounds} rounds, with warm caches. All figures are medians. Compare figures within one table only.

A no-op route is a route of the portal's own app, so both sides include the cost of every request (its id, log line and
headers); an empty Flask app is listed among the floors. "First time" means that no cache can answer, because the user's
list has changed since the last request. The peers' table has an index for the order of the list (user, deleted,
creation time, id), or a covering index that also contains the name, for the count of a search.

{machine}, {today}. {versions}.

![Duration of a list request by the number of a user's batches](benchmarks.svg)
"""


def describe_machine() -> str:
    """Return the machine's processor and system, without its host name."""
    lines = cpu_lines()
    model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), None)
    cores = sum(line.startswith("processor") for line in lines)
    release = platform.release().split("-")[0]
    return f"{model or platform.machine()}, {cores} cores, {platform.system()} {release}"


def cpu_lines() -> list[str]:
    """Return the system's description of its processors."""
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def describe_versions(engines: dict[str, str]) -> str:
    """Return the versions of Python, the databases and the main libraries."""
    databases = [f"{ENGINES[engine]} {release}" for engine, release in engines.items()]
    libraries = [f"{name} {version(name)}" for name in LIBRARIES]
    return ", ".join([f"Python {platform.python_version()}", *databases, *libraries])


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    head = list(head)
    lines = [head, ["---", *("---:" for _ in head[1:])], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def format_time(seconds: float | None) -> str:
    """Return a duration for a table."""
    if seconds is None:
        return ""
    return f"{seconds * 1e6:,.0f} µs" if seconds < 0.01 else f"{seconds * 1e3:,.1f} ms"


def format_ratio(value: float | None) -> str:
    """Return a ratio for a table."""
    if value is None:
        return ""
    return f"{value:,.0f}x" if value >= 100 else f"{value:.2f}x"


def goals_table(engines: list[Results]) -> str:
    """Return the goals and their results."""
    rows = []
    for goal in GOALS:
        row = [goal.description]
        for results in engines:
            value, bound = goal.figure(results), goal.bound(results.engine)
            if value is None:
                verdict = ""
            else:
                verdict = "" if bound is None else "yes" if goal.is_met(results.engine, value) else "**no**"
            goal_text = "no goal" if bound is None else f"{'≥' if goal.at_least else '≤'} {bound:g}x"
            row += [goal_text, "not measured" if value is None else format_ratio(value), verdict]
        rows.append(row)
    head = ["", *(word for results in engines for word in (f"{ENGINES[results.engine]} goal", "result", "met"))]
    return table(head, rows)


def growth_table(results: Results) -> str:
    """Return the portal's figures by the size of the list."""
    rows = []
    for kind in REPORTED_KINDS:
        times = [results.time(PORTAL, kind, size) for size in results.sizes]
        rows.append([kind, *map(format_time, times), format_ratio(results.growth(kind))])
    fragment = [results.time(FRAGMENT, "page 1", size) for size in results.sizes]
    rows.append(["page 1 as the HTML fragment", *map(format_time, fragment), format_ratio(fragment[-1] / fragment[0])])
    rows.append(["304", *[""] * (len(results.sizes) - 1), format_time(results.time(PORTAL, NOT_MODIFIED)), ""])
    return table(["portal", *(f"{size:,} batches" for size in results.sizes), "growth"], rows)


def floors_table(results: Results) -> str:
    """Return the figures of the no-op routes."""
    floors = (
        ("empty Flask app", "bare Flask", FLOOR),
        ("no-op route of the portal", PORTAL, FLOOR),
        ("with a token check", PORTAL, BEARER_FLOOR),
        ("with a session", FRAGMENT, SESSION_FLOOR),
    )
    return table(["floor", "time"], [[label, format_time(results.time(name, kind))] for label, name, kind in floors])


def systems_table(results: Results) -> str:
    """Return the figures of all systems for the largest list."""
    kinds = ["page 1", "middle page", "last page", "few hits", "no hits", "one status", *REPORTED_KINDS[-4:]]
    names = list(dict.fromkeys(metric.system for metric in results.medians if metric.system != "bare Flask"))
    rows = []
    for name in names:
        times = [results.time(name, kind) for kind in kinds]
        if any(times):
            rows.append([name, *map(format_time, times)])
    return table([f"{results.sizes[-1]:,} batches", *kinds], rows)


def other_figures(results: Results) -> str:
    """Return throughput, memory, read latency and the cost of writes."""
    rates = [[name, f"{rate:,.0f}"] for name, rate in results.throughput.items()]
    lines = [table(["requests per second, smallest user", ""], rates)]
    if memory := results.worker_memory:
        lines.append(
            f"Memory of a worker: {megabytes(memory.start)} after the start, {megabytes(memory.small)} after requests"
            f" of the smallest user, {megabytes(memory.all_users)} after as many requests of all users.\n"
        )
    if latency := results.read_latency:
        lines.append(
            f"During an import of {latency.calls:,} calls in {latency.import_seconds:.0f} s, the list's 95th percentile"
            f" changed from {format_time(latency.idle_p95)} to {format_time(latency.busy_p95)};"
            f" {latency.responses:,} responses, {latency.failures} failures.\n"
        )
    rows = [
        [
            f"{change.replace('_', ' ')}, {mode}",
            *(format_time(results.write_costs.get((kind, change, mode))) for kind in (PORTAL, "indexed", "plain")),
        ]
        for change in ("insert", "change_status")
        for mode in (SINGLE, GROUPED)
    ]
    head = ["write", "portal", "the same table and indexes, without derived data", "the peers' table"]
    lines.append(table(head, rows))
    return "\n".join(lines)


def megabytes(count: int) -> str:
    """Return a number of bytes for a sentence."""
    return f"{count / 1e6:,.0f} MB"


def format_page(
    engines: list[Results], versions: dict[str, str], live: int, users: int, rounds: int, compared: int
) -> str:
    """Return the whole page."""
    introduction = INTRODUCTION.format(
        live=live,
        users=users,
        rounds=rounds,
        compared=compared,
        machine=describe_machine(),
        today=date.today().isoformat(),  # noqa: DTZ011 (the local date)
        versions=describe_versions(versions),
    )
    parts = [introduction, "## Goals\n", goals_table(engines)]
    for results in engines:
        parts += [f"## {ENGINES[results.engine]}\n", growth_table(results), floors_table(results)]
        parts += [systems_table(results), other_figures(results)]
    return "\n".join(parts)


def print_line(text: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(text + "\n")

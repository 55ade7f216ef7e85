"""`make bench`: build the data, check that all systems agree, measure them in turn, and write the report.

Environment variables: SHAPE (full, small or tiny), ROUNDS, ENGINES (sqlite, postgresql, or both with a comma). Only the
full shape on both engines writes docs/benchmarks.md; every other run only prints its report.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks import (
    agreement,
    chart,
    measurement,
    read_latency,
    report,
    throughput,
    worker_memory,
    write_costs,
)
from tests.benchmarks.batch_data import FULL, SHAPES, Shape
from tests.benchmarks.databases import (
    BUILD,
    ROOT,
    BenchmarkDatabases,
    DatabaseUrls,
    PostgresqlDatabases,
    SqliteDatabases,
    data_end_ms,
    open_engine,
)
from tests.benchmarks.goals import Results
from tests.benchmarks.request_kinds import BenchmarkUser, measured_users
from tests.support.databases import DATABASES
from tests.support.postgresql import persistent_server
from tests.support.services import install_postgresql

PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
DOCS = ROOT / "docs"


@contextmanager
def exclusive_run(folder: Path) -> Iterator[None]:
    """Allow one run at a time: a second one would rebuild and remove the first one's databases. Raises SystemExit."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Another benchmark is running with the data in {folder}. Wait until it has ended.")
        yield


def main() -> None:
    """Run the benchmark that the environment variables describe."""
    shape = SHAPES[os.environ.get("SHAPE") or "full"]
    rounds = int(os.environ.get("ROUNDS") or 15)
    engines = (os.environ.get("ENGINES") or ",".join(DATABASES)).split(",")
    results, versions, compared = [], {}, 0
    for engine in engines:
        with open_databases(engine) as databases:
            versions[engine] = server_version(databases)
            result, count = measure(databases, shape, rounds)
            results.append(result)
            compared += count
    text = report.format_page(results, versions, sum(shape.sizes), shape.users, rounds, compared)
    report.print_line(text)
    if shape is FULL and set(engines) == set(DATABASES):
        (DOCS / "benchmarks.md").write_text(text)
        (DOCS / "benchmarks.svg").write_text(chart.draw(results))
        report.print_line("written: docs/benchmarks.md, docs/benchmarks.svg")


@contextmanager
def open_databases(engine: str) -> Iterator[BenchmarkDatabases]:
    """Yield an engine's databases; PostgreSQL's server runs as long as the block."""
    if engine == "sqlite":
        yield SqliteDatabases(BUILD / "sqlite", report.print_line)
        return
    if missing := install_postgresql():
        raise missing
    with persistent_server(BUILD) as server:
        databases = PostgresqlDatabases(server.url_of, report.print_line)
        try:
            yield databases
        finally:
            databases.server.dispose()


def server_version(databases: BenchmarkDatabases) -> str:
    """Return the version of the engine."""
    on_sqlite = databases.engine == "sqlite"
    engine = open_engine("sqlite://" if on_sqlite else databases.url_of("postgres"))
    with engine.connect() as connection:
        query = "SELECT sqlite_version()" if on_sqlite else "SHOW server_version"
        version = str(connection.exec_driver_sql(query).scalar()).split()[0]
    engine.dispose()
    return version


def measure(databases: BenchmarkDatabases, shape: Shape, rounds: int) -> tuple[Results, int]:
    """Measure everything on one engine. Returns the results and the number of compared responses."""
    urls = databases.prepare(shape)
    users = measured_users(shape, data_end_ms(shape))
    results = Results(databases.engine, [user.size for user in users])
    started = time.monotonic()

    def report_step(name: str) -> None:
        report.print_line(f"{databases.engine}, {time.monotonic() - started:,.0f} s: {name}")

    with ExitStack() as stack:
        report_step("starting the servers")
        running = measurement.RunningSystems(urls, users, str(PEERS_PYTHON), stack)
        report_step("comparing responses")
        compared = agreement.check(running)
        report_step("measuring")
        results.medians = measurement.medians(measurement.run(running, rounds, report.print_line))
        report_step("requests per second")
        results.throughput = throughput.run(running, max(rounds // 4, 1), 1.0)
    report_step("writes")
    results.write_costs = write_costs.measure(databases, urls, users[-1], max(rounds, 3))
    measure_once(databases, urls, shape, users, results, report_step)
    report_step("done")
    return results, compared


def measure_once(
    databases: BenchmarkDatabases,
    urls: DatabaseUrls,
    shape: Shape,
    users: list[BenchmarkUser],
    results: Results,
    report_step: Callable[[str], None],
) -> None:
    """Measure what needs no rounds."""
    full = shape is FULL
    report_step("memory of a worker")
    results.worker_memory = worker_memory.measure(urls, shape, users, 4_000 if full else 200)
    report_step("read latency during an import")
    calls, idle_seconds = (100_000, 5) if full else (10_000, 2)
    results.read_latency = read_latency.measure(databases, urls, users, calls, idle_seconds)


if __name__ == "__main__":
    with exclusive_run(BUILD):
        main()

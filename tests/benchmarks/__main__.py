"""`make bench`: build the data, check that all contenders agree, measure them in turn, and write what came out.

In the environment: SHAPE (full, small or tiny), ROUNDS, ENGINES (sqlite, postgresql or both, by a comma). Only the full
shape on both engines writes docs/benchmarks.md; every other is printed alone.
"""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.benchmarks import agreement, memory, picture, readers, report, rounds, throughput, writes
from tests.benchmarks.asks import User, measured_users
from tests.benchmarks.data import FULL, SHAPES, Shape
from tests.benchmarks.goals import Results
from tests.benchmarks.postgresql import kept_server
from tests.benchmarks.stores import BUILD, ROOT, Keeper, PostgresqlKeeper, SqliteKeeper, Store, end_of, engine_of

ENGINES = ("sqlite", "postgresql")
PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
DOCS = ROOT / "docs"


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One run at a time: a second would rebuild and remove the databases under the first. Raises SystemExit."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"Another benchmark is running with the data in {folder}; wait until it has ended.")
        yield


def main() -> None:
    """Everything, by what the environment asks for."""
    shape = SHAPES[os.environ.get("SHAPE") or "full"]
    count = int(os.environ.get("ROUNDS") or 15)
    engines = (os.environ.get("ENGINES") or ",".join(ENGINES)).split(",")
    found, servers, compared = [], {}, 0
    for engine in engines:
        with keeper_of(engine) as keeper:
            servers[engine] = server_version(keeper)
            results, checked = measure(keeper, shape, count)
            found.append(results)
            compared += checked
    live, users = sum(shape.sizes), shape.users
    text = report.page(found, servers, live, users, count, compared)
    report.tell(text)
    if shape is FULL and set(engines) == set(ENGINES):
        (DOCS / "benchmarks.md").write_text(text)
        (DOCS / "benchmarks.svg").write_text(picture.draw(found))
        report.tell("written: docs/benchmarks.md, docs/benchmarks.svg")


@contextmanager
def keeper_of(engine: str) -> Iterator[Keeper]:
    """Who keeps an engine's databases; PostgreSQL's server runs as long as the block."""
    if engine == "sqlite":
        yield SqliteKeeper(BUILD / "sqlite", report.tell)
        return
    with kept_server(BUILD) as template:
        keeper = PostgresqlKeeper(template, report.tell)
        try:
            yield keeper
        finally:
            keeper.server.dispose()


def server_version(keeper: Keeper) -> str:
    """Which release of the engine it is."""
    asked = "SELECT sqlite_version()" if keeper.engine == "sqlite" else "SHOW server_version"
    url = "sqlite://" if keeper.engine == "sqlite" else keeper.address("postgres")
    engine = engine_of(url)
    with engine.connect() as connection:
        found = str(connection.exec_driver_sql(asked).scalar()).split()[0]
    engine.dispose()
    return found


def measure(keeper: Keeper, shape: Shape, count: int) -> tuple[Results, int]:
    """Everything on one engine, and how many answers were compared first."""
    store = keeper.store(shape)
    users = measured_users(shape, end_of(shape))
    results = Results(keeper.engine, [user.size for user in users])
    started = time.monotonic()

    def step(words: str) -> None:
        report.tell(f"{keeper.engine}, {time.monotonic() - started:,.0f} s: {words}")

    with ExitStack() as stack:
        step("starting everybody")
        field = rounds.Field(store, users, str(PEERS_PYTHON), stack)
        step("comparing answers")
        compared = agreement.check(field)
        step("measuring")
        results.medians = rounds.medians(rounds.run(field, count, report.tell))
        step("requests a second")
        results.throughput = throughput.run(field, max(count // 4, 1), 1.0)
    step("changes")
    results.writes = writes.measure(keeper, store, users[-1], max(count, 3))
    rest(keeper, store, shape, users, results, step)
    step("done")
    return results, compared


def rest(
    keeper: Keeper, store: Store, shape: Shape, users: list[User], results: Results, step: Callable[[str], None]
) -> None:
    """What is measured once."""
    full = shape is FULL
    step("memory of a worker")
    results.memory = memory.measure(store, shape, users, 4_000 if full else 200)
    step("readers beside an import")
    results.readers = readers.measure(keeper, store, users, 100_000 if full else 10_000, 5 if full else 2)


if __name__ == "__main__":
    with alone(BUILD):
        main()

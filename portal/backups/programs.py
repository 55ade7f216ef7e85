"""Find and run PostgreSQL's client programs."""

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

# Debian installs the programs of each release in a folder of its own.
DEBIAN_FOLDER = Path("/usr/lib/postgresql")

# Environment variables that a program gets besides the connection parameters.
INHERITED_VARIABLES = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH")


def find_program(name: str, minimum: int = 0) -> str:
    """Return the path of `pg_dump` or `pg_restore`, of at least the major version `minimum`.

    Raises click.ClickException, which names the package to install.
    """
    versions = {path: program_version(path) for path in candidate_paths(name)}
    for path, version in versions.items():
        if version >= minimum:
            return path
    if versions:
        raise click.ClickException(
            f"{name} has version {max(versions.values())}, but the server has version {minimum};"
            f" install newer client programs (on Debian: apt install postgresql-client-{minimum})"
        )
    raise click.ClickException(
        f"{name} is not installed; install the PostgreSQL client programs (on Debian: apt install postgresql-client)"
    )


def candidate_paths(name: str) -> Iterator[str]:
    """Yield every installed copy: the one in PATH, then those of Debian's packages, newest first."""
    if path := shutil.which(name):
        yield path
    folders = sorted(DEBIAN_FOLDER.glob("*/bin"), key=lambda folder: parse_version(folder.parent.name), reverse=True)
    yield from (str(folder / name) for folder in folders if (folder / name).is_file())


@cache
def program_version(path: str) -> int:
    """Return the major version of a program, 0 if unknown."""
    result = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)  # noqa: S603
    return parse_version(result.stdout)


def parse_version(text: str) -> int:
    """Return the first number in a text, 0 if there is none."""
    match = re.search(r"\d+", text)
    return int(match[0]) if match else 0


def connection_environment(engine: Engine) -> dict[str, str]:
    """Return the environment with which a program connects to the engine's database.

    Every user of the machine can read command lines, so parameters are passed in the variables that libpq defines.
    Raises click.ClickException for a parameter without a variable.
    """
    _, parameters = engine.dialect.create_connect_args(engine.url)
    variables = {option.keyword.decode(): option.envvar for option in Conninfo.get_defaults()}
    environ = {name: value for name in INHERITED_VARIABLES if (value := os.environ.get(name))}
    environ |= {name: value for name, value in os.environ.items() if name.startswith("PG")}
    environ |= {"PGAPPNAME": "batch-portal-backup", "PGCONNECT_TIMEOUT": "10", "LC_ALL": "C"}
    for name, value in parameters.items():
        if name not in variables:  # a parameter of the driver
            continue
        variable = variables[name]
        if not variable:
            raise click.ClickException(f"Remove {name} from DATABASE_URL: PostgreSQL's programs do not accept it")
        environ[variable.decode()] = str(value)
    return environ


def run_program(command: Sequence[str], environ: Mapping[str, str]) -> bytes:
    """Return the output of a program. Raises click.ClickException with its last error message if it fails."""
    result = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)  # noqa: S603
    if result.returncode:
        lines = [line for line in result.stderr.decode(errors="replace").splitlines() if "error:" in line]
        reason = lines[-1].partition("error: ")[2] or lines[-1] if lines else f"exit code {result.returncode}"
        raise click.ClickException(f"{Path(command[0]).name}: {reason}")
    return result.stdout

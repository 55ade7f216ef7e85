"""PostgreSQL: pg_dump's own format, which is one moment of the database; loaded again in one transaction."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import click
import psycopg
from sqlalchemy import Connection, Engine

from portal.backups import programs
from portal.backups.schema import PORTAL_TABLES, TRANSIENT_TABLES
from portal.batches.derived.postgresql import NAME_INDEX
from portal.db import schema_changes
from portal.db.transactions import WRITE_OPTIONS
from portal.extensions import db

MAGIC = b"PGDMP"

# So long pg_dump waits for a migration's lock, in milliseconds.
LOCK_WAIT_MS = 60_000

# What the database's owner has made, or may not make: it stays as it is. The index of names is built afterwards.
LEFT_OUT = re.compile(rf" (EXTENSION|SCHEMA|DATABASE) | - (EXTENSION|SCHEMA) | INDEX \S+ {NAME_INDEX} ")
TABLE = re.compile(r"^\d+; \d+ \d+ TABLE \S+ (\S+) ", re.MULTILINE)

# Every table of this release, those first that others refer to.
TABLES = [table.name for table in db.metadata.sorted_tables]

# A newer pg_restore says these to a server or to psql, which an older server, or ours, does not know.
UNKNOWN = (b"SET transaction_timeout ", b"\\restrict ", b"\\unrestrict ")

Advance = Callable[[int, int], object]


def write(engine: Engine, path: Path, _advance: Advance) -> None:
    """One moment of the database, in a file; others go on writing."""
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
        release = connection.connection.driver_connection.info.server_version // 10_000
    left_out = [f"--exclude-table-data={table}" for table in TRANSIENT_TABLES]
    pg_dump = programs.find_program("pg_dump", release)
    options = (
        "--format=custom",
        "--no-owner",
        "--no-privileges",
        f"--lock-wait-timeout={LOCK_WAIT_MS}",
        "--no-password",
    )
    programs.run_program([pg_dump, *options, *left_out, f"--file={path}"], programs.connection_environment(engine))


def inspect(path: Path) -> str | None:
    """The schema of the backup in a file. Raises click.ClickException where it is none, or is damaged."""
    pg_restore = programs.find_program("pg_restore")
    if not set(TABLE.findall(contents(path))) >= PORTAL_TABLES:
        raise click.ClickException(f"{path} is not a backup of Batch Portal")
    programs.run_program([pg_restore, "--file=/dev/null", str(path)], {})  # unpacks every part
    only = ["--data-only", "--table=alembic_version", "--file=-"]
    said = programs.run_program([pg_restore, *only, str(path)], {})
    found = re.search(rb"^COPY .*alembic_version .*\n(.+)\n\\\.$", said, re.MULTILINE)
    return found[1].decode() if found else None


def contents(path: Path) -> str:
    """The list of what a backup holds, a line each. Raises click.ClickException where it cannot be read."""
    return programs.run_program([programs.find_program("pg_restore"), "--list", str(path)], {}).decode()


def restore(engine: Engine, path: Path, revision: str, _advance: Advance) -> None:
    """Make the database what the file of that schema holds, in one transaction; where it fails, all is as it was.

    Where the tables are of the backup's own schema, their rows are exchanged: who reads meanwhile sees what was there
    before, who writes waits. Tables of another schema are taken away and made anew; a reader who waited for that would
    find them empty, so nobody else may be connected. Raises click.ClickException.
    """
    with engine.connect() as plain:
        connection = plain.execution_options(**WRITE_OPTIONS["postgresql"])
        with schema_changes.exclusive_migration(connection):
            tables = present_tables(connection)
            exchange = bool(tables) and revision == schema_of(connection)
            connection.commit()
            if tables and not exchange:
                refuse_others(connection, revision)
            take_out, load = (empty, fill) if exchange else (drop, create)
            schema_changes.retry_when_busy(lambda: take_out(connection), connection)
            try:
                load(connection, path)
            except psycopg.Error as error:  # its words may hold a row's values
                reason = f"{type(error).__name__} {error.sqlstate}"
                raise click.ClickException(f"The backup cannot be loaded: {reason}") from error
            connection.commit()
            connection.exec_driver_sql(f"ANALYZE {', '.join(present_tables(connection))}")
            connection.commit()


def schema_of(connection: Connection) -> str | None:
    """The schema of the tables that are there."""
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def refuse_others(connection: Connection, revision: str) -> None:
    """Raises click.ClickException where anybody else is connected to the database."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    count = connection.exec_driver_sql(others).scalar_one()
    connection.commit()
    if count:
        raise click.ClickException(
            f"The backup is of another schema ({revision}) than the database, which {count} others are connected to;"
            " stop the portal on every node first"
        )


def empty(connection: Connection) -> None:
    """Take every row out, in the transaction that goes on from here; whoever reads still sees them.

    Nobody can write from now on. What triggers keep is in the backup, so they rest.
    """
    connection.exec_driver_sql(f"LOCK TABLE {', '.join(TABLES)} IN EXCLUSIVE MODE")
    for table in TABLES:
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for table in reversed(TABLES):
        connection.exec_driver_sql(f"DELETE FROM {table}")


def fill(connection: Connection, path: Path) -> None:
    """Put the backup's rows in, those first that others refer to, and have the triggers run again."""
    entries = contents(path).splitlines()
    rows = [line for table in TABLES for line in entries if re.search(rf" TABLE DATA \S+ {table} ", line)]
    sequences = [line for line in entries if " SEQUENCE SET " in line]
    with script(path, rows + sequences) as lines:
        run_script(connection.connection.driver_connection, lines)
    for table in TABLES:
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def drop(connection: Connection) -> None:
    """Take everything away that is ours, in the transaction that goes on from here."""
    tables = present_tables(connection)
    if not tables:
        return
    connection.exec_driver_sql(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
    of_triggers = (
        "SELECT DISTINCT tgfoid::regprocedure::text FROM pg_trigger"
        " WHERE tgrelid = ANY (%(tables)s::regclass[]) AND NOT tgisinternal"
    )
    functions = connection.exec_driver_sql(of_triggers, {"tables": tables}).scalars().all()
    connection.exec_driver_sql(f"DROP TABLE {', '.join(tables)} CASCADE")
    for function in functions:
        connection.exec_driver_sql(f"DROP FUNCTION {function}")


def create(connection: Connection, path: Path) -> None:
    """Make everything as the backup has it."""
    with script(path, [line for line in contents(path).splitlines() if not LEFT_OUT.search(line)]) as lines:
        run_script(connection.connection.driver_connection, lines)


def present_tables(connection: Connection) -> list[str]:
    """Those of our tables that are there."""
    names = [*TABLES, "alembic_version"]
    present = "SELECT name FROM unnest(%(names)s::text[]) name WHERE to_regclass(name) IS NOT NULL"
    return list(connection.exec_driver_sql(present, {"names": names}).scalars())


@contextmanager
def script(path: Path, entries: Iterable[str]) -> Iterator[IO[bytes]]:
    """These entries of the backup, in their order, as statements and rows, line by line."""
    with tempfile.NamedTemporaryFile("w", prefix="batch-portal-") as chosen:
        chosen.write("\n".join(entries) + "\n")
        chosen.flush()
        pg_restore = programs.find_program("pg_restore")
        options = ("--no-owner", "--no-privileges", f"--use-list={chosen.name}", "--file=-")
        with subprocess.Popen(  # noqa: S603
            [pg_restore, *options, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
        ) as running:
            try:
                assert running.stdout  # noqa: S101 (a pipe was asked for)
                yield running.stdout
                if running.wait():
                    raise click.ClickException("The backup cannot be read to its end")
            finally:
                running.kill()


def run_script(driver: psycopg.Connection[Any], lines: Iterable[bytes]) -> None:
    """Run it in the connection's transaction, its rows by COPY. Raises psycopg.Error, click.ClickException."""
    remaining = iter(lines)
    statements: list[bytes] = []
    with driver.cursor() as cursor:
        for line in remaining:
            if line.startswith(UNKNOWN):
                continue
            if not (line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n")):
                statements.append(line)
                continue
            cursor.execute(b"".join(statements))
            statements.clear()
            with cursor.copy(line) as copy:
                for row in remaining:
                    if row == b"\\.\n":
                        break
                    copy.write(row)
                else:
                    raise click.ClickException("The backup ends within a table")
        cursor.execute(b"".join(statements))
        cursor.execute("RESET search_path")  # pg_restore empties it, and names everything in full

"""Back up PostgreSQL with pg_dump, and load the archive again in one transaction.

docs/decisions/0011-backups.md explains why pg_restore and psql do not load it themselves.
"""

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
DUMP_OPTIONS = ("--format=custom", "--no-owner", "--no-privileges", "--lock-wait-timeout=60s", "--no-password")

# Entries that are not restored: they may need more rights than the portal has, or (the index) are built afterwards.
SKIPPED_ENTRY = re.compile(rf" (EXTENSION|SCHEMA|DATABASE) | - (EXTENSION|SCHEMA) | INDEX \S+ {NAME_INDEX} ")
TABLE_ENTRY = re.compile(r"^\d+; \d+ \d+ TABLE \S+ (\S+) ")

# Every table of this release; a table comes after the tables that it refers to.
TABLES = [table.name for table in db.metadata.sorted_tables]

# Lines of a newer pg_restore that an older server, or psycopg, does not understand.
UNSUPPORTED_LINES = (b"SET transaction_timeout ", b"\\restrict ", b"\\unrestrict ")


def write(engine: Engine, path: Path, _report_progress: Callable[[int, int], object]) -> None:
    """Write one snapshot of the database to a file. Other connections can write meanwhile."""
    with engine.connect() as connection:
        connection.exec_driver_sql("SELECT version_num FROM alembic_version").all()
        version = connection.connection.driver_connection.info.server_version // 10_000
    pg_dump = programs.find_program("pg_dump", version)
    excluded = [f"--exclude-table-data={table}" for table in TRANSIENT_TABLES]
    programs.run_program([pg_dump, *DUMP_OPTIONS, *excluded, f"--file={path}"], programs.connection_environment(engine))


def inspect(path: Path) -> str | None:
    """Return the schema of a backup. Raises click.ClickException if the file is damaged or not a backup."""
    tables = {match[1] for entry in list_entries(path) if (match := TABLE_ENTRY.search(entry))}
    if not tables >= PORTAL_TABLES:
        raise click.ClickException(f"{path} is not a backup of Batch Portal")
    run_pg_restore(path, "--file=/dev/null")  # reads every part of the file
    script = run_pg_restore(path, "--data-only", "--table=alembic_version", "--file=-")
    match = re.search(r"^COPY .*alembic_version .*\n(.+)\n\\\.$", script, re.MULTILINE)
    return match[1] if match else None


def list_entries(path: Path) -> list[str]:
    """Return the table of contents of a backup. Raises click.ClickException if the file is not readable."""
    return run_pg_restore(path, "--list").splitlines()


def run_pg_restore(path: Path, *options: str) -> str:
    """Return the output of pg_restore for a backup."""
    return programs.run_program([programs.find_program("pg_restore"), *options, str(path)], {}).decode()


def restore(engine: Engine, path: Path, revision: str, _report_progress: Callable[[int, int], object]) -> None:
    """Replace the database with the backup in one transaction. Raises click.ClickException.

    If the tables have the schema of the backup, their rows are replaced: readers see the old rows until the commit, and
    writers wait. Otherwise the tables are replaced. A reader that waits for that would find them empty, so no other
    client may be connected.
    """
    with engine.connect() as plain:
        connection = plain.execution_options(**WRITE_OPTIONS["postgresql"])
        with schema_changes.exclusive_migration(connection):
            tables = list_tables(connection)
            keep_tables = bool(tables) and revision == read_schema(connection)
            connection.commit()
            if tables and not keep_tables:
                refuse_other_clients(connection, revision)
            clear, load = (delete_rows, load_rows) if keep_tables else (drop_tables, load_tables)
            schema_changes.retry_when_busy(lambda: clear(connection), connection)
            try:
                load(connection, path)
            except psycopg.Error as error:  # its text may contain values of a row
                reason = f"{type(error).__name__} {error.sqlstate}"
                raise click.ClickException(f"The backup cannot be loaded: {reason}") from error
            connection.commit()
            connection.exec_driver_sql(f"ANALYZE {', '.join(list_tables(connection))}")
            connection.commit()


def read_schema(connection: Connection) -> str | None:
    """Return the schema of the database."""
    return connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()


def list_tables(connection: Connection) -> list[str]:
    """Return the portal's tables that the database has."""
    existing = "SELECT name FROM unnest(%(names)s::text[]) name WHERE to_regclass(name) IS NOT NULL"
    return list(connection.exec_driver_sql(existing, {"names": [*TABLES, "alembic_version"]}).scalars())


def refuse_other_clients(connection: Connection, revision: str) -> None:
    """Raise click.ClickException if another client is connected to the database."""
    others = (
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
    )
    count = connection.exec_driver_sql(others).scalar_one()
    connection.commit()
    if count:
        raise click.ClickException(
            f"The backup has another schema ({revision}) than the database, and {count} other clients are connected;"
            " stop the portal on every node first"
        )


def delete_rows(connection: Connection) -> None:
    """Delete every row, and disable the triggers, because the backup contains the derived data. Writers wait."""
    connection.exec_driver_sql(f"LOCK TABLE {', '.join(TABLES)} IN EXCLUSIVE MODE")
    for table in TABLES:
        connection.exec_driver_sql(f"ALTER TABLE {table} DISABLE TRIGGER USER")
    for table in reversed(TABLES):
        connection.exec_driver_sql(f"DELETE FROM {table}")


def load_rows(connection: Connection, path: Path) -> None:
    """Load the rows of the backup in the order of the foreign keys, and enable the triggers."""
    entries = list_entries(path)
    rows = [entry for table in TABLES for entry in entries if re.search(rf" TABLE DATA \S+ {table} ", entry)]
    run_script(connection, path, rows + [entry for entry in entries if " SEQUENCE SET " in entry])
    for table in TABLES:
        connection.exec_driver_sql(f"ALTER TABLE {table} ENABLE TRIGGER USER")


def drop_tables(connection: Connection) -> None:
    """Drop the portal's tables and the functions of their triggers."""
    tables = list_tables(connection)
    if not tables:
        return
    connection.exec_driver_sql(f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE")
    trigger_functions = (
        "SELECT DISTINCT tgfoid::regprocedure::text FROM pg_trigger"
        " WHERE tgrelid = ANY (%(tables)s::regclass[]) AND NOT tgisinternal"
    )
    functions = connection.exec_driver_sql(trigger_functions, {"tables": tables}).scalars().all()
    connection.exec_driver_sql(f"DROP TABLE {', '.join(tables)} CASCADE")
    for function in functions:
        connection.exec_driver_sql(f"DROP FUNCTION {function}")


def load_tables(connection: Connection, path: Path) -> None:
    """Create the tables of the backup, with their rows and triggers."""
    run_script(connection, path, [entry for entry in list_entries(path) if not SKIPPED_ENTRY.search(entry)])


def run_script(connection: Connection, path: Path, entries: Iterable[str]) -> None:
    """Restore these entries, in this order, in the connection's transaction.

    Raises psycopg.Error or click.ClickException.
    """
    driver: psycopg.Connection[Any] = connection.connection.driver_connection
    statements: list[bytes] = []
    with open_script(path, entries) as lines, driver.cursor() as cursor:
        for line in lines:
            if line.startswith(UNSUPPORTED_LINES):
                continue
            if not (line.startswith(b"COPY ") and line.endswith(b" FROM stdin;\n")):
                statements.append(line)
                continue
            cursor.execute(b"".join(statements))
            statements.clear()
            with cursor.copy(line) as copy:
                for row in lines:
                    if row == b"\\.\n":
                        break
                    copy.write(row)
                else:
                    raise click.ClickException("The backup is damaged: it ends within a table")
        cursor.execute(b"".join(statements))
        cursor.execute("RESET search_path")  # the script empties it, and qualifies every name


@contextmanager
def open_script(path: Path, entries: Iterable[str]) -> Iterator[IO[bytes]]:
    """Yield the SQL script of these entries, line by line. Raises click.ClickException if pg_restore fails."""
    with tempfile.NamedTemporaryFile("w", prefix="batch-portal-") as entry_list:
        entry_list.write("\n".join(entries) + "\n")
        entry_list.flush()
        options = ("--no-owner", "--no-privileges", f"--use-list={entry_list.name}", "--file=-")
        with subprocess.Popen(  # noqa: S603
            [programs.find_program("pg_restore"), *options, str(path)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={},
        ) as process:
            try:
                assert process.stdout  # noqa: S101 (for the type checker)
                yield process.stdout
                if process.wait():
                    raise click.ClickException("The backup is damaged: pg_restore cannot read it to its end")
            finally:
                process.kill()

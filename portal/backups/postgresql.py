"""PostgreSQL: pg_dump's archive, which holds one moment; restored by psql in one transaction."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryFile

import psycopg
from psycopg.conninfo import make_conninfo
from sqlalchemy import URL
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg

from portal.backups import BackupError, Contents

HEADER = b"PGDMP"
SCHEMA = "public"

# Everything of the portal's goes, also what came after the backup; what belongs to an extension stays. Whoever holds a
# lock for longer than this is not waited for, and so holds up nobody else.
CLEAR = """
SET lock_timeout = '10s';
SET client_min_messages = warning;
DO $$
DECLARE found record;
BEGIN
    FOR found IN SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables WHERE schemaname = 'public' LOOP
        EXECUTE 'DROP TABLE IF EXISTS ' || found.name || ' CASCADE';
    END LOOP;
    FOR found IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'public'::regnamespace
            AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
    LOOP
        EXECUTE 'DROP ROUTINE IF EXISTS ' || found.name || ' CASCADE';
    END LOOP;
END $$;
"""


def save(url: URL, path: Path) -> None:
    """Write the database into a file. Raises BackupError."""
    run(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={path}")


def look(path: Path) -> Contents:
    """What is in a file. Raises BackupError where it is no backup of the portal's, or is damaged."""
    with path.open("rb") as file:
        if file.read(len(HEADER)) != HEADER:
            raise BackupError(f"{path} is no backup of a PostgreSQL database")
    script = run(None, "pg_restore", "--data-only", "--table=alembic_version", "--file=-", str(path))
    found = re.search(rb"^COPY [^\n]*alembic_version[^\n]*\n([^\n\\]+)\n", script, re.MULTILINE)
    if not found:
        raise BackupError(f"{path} is no backup of the portal")
    return Contents(found[1].decode())


def load(path: Path, url: URL) -> None:
    """Make the file the database, in one transaction. Raises BackupError."""
    with TemporaryFile() as script:
        script.write(CLEAR.encode())
        for name in extensions_in(path):
            script.write(f"CREATE EXTENSION IF NOT EXISTS {name};\n".encode())
        script.flush()
        owned = ("--no-owner", "--no-privileges")
        run(None, "pg_restore", *owned, f"--schema={SCHEMA}", "--file=-", str(path), output=script.fileno())
        script.seek(0)
        quiet = ("--no-psqlrc", "--quiet", "--single-transaction", "--set=ON_ERROR_STOP=1", "--file=-")
        run(url, "psql", *quiet, source=script.fileno())


def extensions_in(path: Path) -> list[str]:
    """The extensions that the backup needs: they stand outside the schema, and may have to be made first."""
    listed = run(None, "pg_restore", "--list", str(path)).decode()
    return re.findall(r"^\d+; \d+ \d+ EXTENSION - ([a-z_]+) *$", listed, re.MULTILINE)


def run(url: URL | None, program: str, *words: str, source: int | None = None, output: int | None = None) -> bytes:
    """What a program of PostgreSQL's writes, connected to the database where one is told. Raises BackupError."""
    connection, secret = connection_of(url) if url else ("", {})
    command = [str(find(program)), *([f"--dbname={connection}"] if url else []), *words]
    ended = subprocess.run(  # noqa: S603, a program of PostgreSQL's, with words of ours
        command,
        stdin=source if source is not None else subprocess.DEVNULL,
        stdout=output if output is not None else subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, **secret, "LC_ALL": "C", "PGOPTIONS": "-c statement_timeout=0"},
        check=False,
    )
    if ended.returncode:
        raise BackupError(f"{program}: {first_reason(ended.stderr.decode(errors='replace'))}")
    return ended.stdout or b""


def first_reason(said: str) -> str:
    """The line that says why; what a row holds is not repeated."""
    lines = [line for line in said.splitlines() if re.search(r"error|ERROR|FATAL", line)] or said.splitlines() or [""]
    return re.sub(r"^.*?(error|ERROR|FATAL): *", "", lines[0]).strip() or "it failed"


def connection_of(url: URL) -> tuple[str, Mapping[str, str]]:
    """Where the database is, for the command line; and the password, for the environment: others see command lines."""
    _, given = PGDialect_psycopg().create_connect_args(url)
    password = given.pop("password", None)
    return make_conninfo(**given), {"PGPASSWORD": str(password)} if password else {}


def find(program: str) -> Path:
    """Where a program of PostgreSQL's lies: on the path, or where Debian keeps it. Raises BackupError."""
    if found := shutil.which(program):
        return Path(found)
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda folder: folder.parent.name.zfill(3))
    if config := shutil.which("pg_config"):
        told = subprocess.run([config, "--bindir"], capture_output=True, text=True, check=False)  # noqa: S603
        folders.append(Path(told.stdout.strip() or "/nowhere"))
    for folder in reversed(folders):
        if (folder / program).is_file():
            return folder / program
    raise BackupError(f"{program} is not here: install PostgreSQL's client programs (Debian: postgresql-client)")


def is_empty(url: URL) -> bool:
    """Whether there is nothing yet that a restore would take the place of. Raises BackupError."""
    connection, _ = connection_of(url)
    try:
        with psycopg.connect(connection, password=url.password) as opened:
            return opened.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()[0] == 0
    except psycopg.Error as error:
        raise BackupError(f"The database cannot be used: {str(error).splitlines()[0]}") from error

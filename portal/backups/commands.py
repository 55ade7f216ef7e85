"""The `backup` and `restore` commands."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from flask.cli import with_appcontext
from flask_migrate import upgrade

from portal.backups import files, postgresql, query, schema, sqlite
from portal.batches.derived import check
from portal.cli import Command, confirm, format_count, progress_bar
from portal.extensions import db

ENGINE_MODULES: dict[str, ModuleType] = {"sqlite": sqlite, "postgresql": postgresql}
ENGINE_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@click.command("backup", cls=Command)
@click.argument("file")
@click.option("--replace", is_flag=True, help="Overwrite FILE if it exists.")
@with_appcontext
def backup(file: str, replace: bool) -> None:
    """Write a snapshot of the database to FILE while the portal runs; use - for standard output.

    The backup does not contain sessions or SECRET_KEY: store the key separately. Only the owner of FILE can read it.
    """
    if file == "-":
        if sys.stdout.isatty():
            raise click.ClickException("Standard output is a terminal; redirect it to a file")
        files.make_private(sys.stdout)
        with tempfile.TemporaryDirectory(prefix="batch-portal-") as folder:
            draft = Path(folder) / "backup"
            draft.touch(mode=0o600)
            write_backup(draft)
            with draft.open("rb") as content:
                shutil.copyfileobj(content, sys.stdout.buffer)
        return
    path = Path(file)
    with files.atomic_file(path, replace=replace) as draft:
        revision = write_backup(draft)
    click.echo(f"{path}: {files.format_size(path)}, schema {revision}", err=True)
    click.echo("The backup does not contain SECRET_KEY; store the key separately", err=True)


def write_backup(draft: Path) -> str | None:
    """Write the database to an empty file, verify the file, and return its schema."""
    engine_module = ENGINE_MODULES[db.engine.dialect.name]
    with progress_bar(100, "Copying") as bar:
        engine_module.write(db.engine, draft, progress_updater(bar))
    return engine_module.inspect(draft)


@click.command("restore", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--replace", is_flag=True, help="Replace the current contents of the database.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@with_appcontext
def restore(file: Path, replace: bool, yes: bool) -> None:
    """Restore the database from FILE; asks before it replaces any data.

    The file is verified first. The database changes completely or not at all. All users must sign in again; tokens,
    passwords and roles are those of the backup.
    """
    dialect = db.engine.dialect.name
    engine_module = ENGINE_MODULES[dialect]
    refuse_other_engine(file, dialect)
    revision = engine_module.inspect(file)
    schema.refuse_unknown(revision, str(file))
    refuse_to_replace(query.inspect_database(db.engine), replace=replace, yes=yes)
    with progress_bar(100, "Restoring") as bar:
        engine_module.restore(db.engine, file, str(revision), progress_updater(bar))
    upgrade()  # to the newest schema; it also builds the index of names, which a backup does not contain
    with progress_bar(check.estimate_batch_count(), "Checking") as bar:
        differences = list(check.find_all_differences(bar.update))
    contents = query.inspect_database(db.engine)
    click.echo("All users must sign in again. Revoke again any access that was revoked after the backup.")
    if differences:
        raise click.ClickException(
            f"{format_count(len(differences), 'difference', 'differences')} between the rows and the derived data;"
            " see flask --app wsgi batch check"
        )
    accounts = format_count(contents.accounts, "account", "accounts")
    batches = format_count(contents.batches, "batch", "batches")
    click.echo(f"Restored: {accounts}, {batches}; the derived data agrees with the rows")


def progress_updater(bar: Any) -> Callable[[int, int], object]:
    """Return a function of the remaining and the total pages that moves a progress bar of 100 steps."""
    return lambda remaining, total: bar.update(max(0, 100 - (100 * remaining) // max(total, 1) - bar.pos))


def refuse_other_engine(file: Path, dialect: str) -> None:
    """Raise click.ClickException unless the file is a backup of this database engine."""
    with file.open("rb") as opened:
        start = opened.read(16)
    found = next((name for name, module in ENGINE_MODULES.items() if start.startswith(module.MAGIC)), None)
    if found is None:
        raise click.ClickException(f"{file} is not a backup of Batch Portal")
    if found != dialect:
        raise click.ClickException(
            f"{file} is a backup of {ENGINE_NAMES[found]}, but this database is {ENGINE_NAMES[dialect]}"
        )


def refuse_to_replace(contents: query.DatabaseContents, *, replace: bool, yes: bool) -> None:
    """Raise click.ClickException unless the database is empty or the user confirms that it may be replaced."""
    if contents.is_foreign:
        raise click.ClickException("The database has tables of another application; use a separate database")
    if contents.schema is not None:
        schema.refuse_unknown(contents.schema, "The database")
    if not (contents.accounts or contents.batches):
        return
    accounts = format_count(contents.accounts, "account", "accounts")
    counts = f"{accounts} and {format_count(contents.batches, 'batch', 'batches')}"
    if not replace:
        raise click.ClickException(f"The database is not empty ({counts}); use --replace to replace them")
    if yes:
        return
    question = f"Replace {counts}? Changes since the backup will be lost"
    if not confirm(question, "nothing was changed; use --yes to skip the question"):
        raise click.ClickException("Nothing was changed")

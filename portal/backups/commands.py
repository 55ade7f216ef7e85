"""The command line for backups."""

from __future__ import annotations

import shutil
import sys
import tempfile
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

ENGINE_MODULES = {"sqlite": sqlite, "postgresql": postgresql}
ENGINE_NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}


@click.command("backup", cls=Command)
@click.argument("file")
@click.option("--replace", is_flag=True, help="Write over FILE where it is there already.")
@with_appcontext
def backup(file: str, replace: bool) -> None:
    """Write one moment of the whole database to FILE, while the portal goes on; - for standard output.

    Sign-ins are not in it, nor is SECRET_KEY: keep that apart. FILE is readable for its owner alone.
    """
    if file == "-":
        if sys.stdout.isatty():
            raise click.ClickException("A backup is nothing to look at: send standard output to a file")
        with tempfile.TemporaryDirectory(prefix="batch-portal-") as folder:
            draft = Path(folder) / "backup"
            draft.touch(mode=0o600)
            write_backup(draft)
            with draft.open("rb") as written:
                shutil.copyfileobj(written, sys.stdout.buffer)
        return
    path = Path(file)
    with files.atomic_file(path, replace=replace) as draft:
        found = write_backup(draft)
    click.echo(f"{path}: {files.format_size(path)}, schema {found}", err=True)
    click.echo("SECRET_KEY is not in it: keep that too, and apart", err=True)


def write_backup(draft: Path) -> str | None:
    """The database into an empty file, which is then read through; returns the schema."""
    engine = backup_module(db.engine.dialect.name)
    with progress_bar(100, "Copying") as bar:
        engine.write(db.engine, draft, progress_updater(bar))
    return engine.inspect(draft)


@click.command("restore", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path))
@click.option("--replace", is_flag=True, help="Put it in the place of what the database holds.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def restore(file: Path, replace: bool, yes: bool) -> None:
    """Make the database what it was when FILE was written; asks before it replaces anything.

    FILE is looked through first. The database changes in one step, or not at all. Everybody signs in anew; tokens,
    passwords and roles are as they were then.
    """
    dialect = db.engine.dialect.name
    refuse_other_kind(file, dialect)
    found = backup_module(dialect).inspect(file)
    schema.refuse_unknown(found, str(file))
    refuse_to_replace(query.inspect_database(db.engine), replace=replace, yes=yes)
    with progress_bar(100, "Restoring") as bar:
        backup_module(dialect).restore(db.engine, file, str(found), progress_updater(bar))
    upgrade()  # where the schema is an older one; and the index of names, which no backup holds
    with progress_bar(check.estimate_batch_count(), "Checking") as bar:
        differences = list(check.find_all_differences(bar.update))
    held = query.inspect_database(db.engine)
    counts = f"{format_count(held.accounts, 'account', 'accounts')}, {format_count(held.batches, 'batch', 'batches')}"
    click.echo("Everybody signs in anew; what was revoked since the backup is to be revoked again")
    if differences:
        raise click.ClickException(
            f"{format_count(len(differences), 'difference', 'differences')} between the rows and the derived data;"
            " see flask --app wsgi batch check"
        )
    click.echo(f"Restored: {counts}; everything that is kept agrees with the rows")


def backup_module(dialect: str) -> ModuleType:
    """The module of a kind of database."""
    return ENGINE_MODULES[dialect]


def progress_updater(bar: Any) -> Any:
    """What tells a bar of 100 steps how much is left."""
    return lambda left, pages: bar.update(max(0, 100 - (100 * left) // max(pages, 1) - bar.pos))


def refuse_other_kind(file: Path, dialect: str) -> None:
    """Raises click.ClickException where the file is of no kind, or of another kind of database."""
    with file.open("rb") as opened:
        start = opened.read(16)
    kind = next((kind for kind, module in ENGINE_MODULES.items() if start.startswith(module.MAGIC)), None)
    if kind is None:
        raise click.ClickException(f"{file} is not a backup of Batch Portal")
    if kind != dialect:
        raise click.ClickException(
            f"{file} was written on {ENGINE_NAMES[kind]}; this database is on {ENGINE_NAMES[dialect]}"
        )


def refuse_to_replace(held: query.DatabaseContents, *, replace: bool, yes: bool) -> None:
    """Raises click.ClickException unless the database is empty, or its owner wants it replaced."""
    if held.others:
        raise click.ClickException("The database holds tables that are not Batch Portal's; give it one of its own")
    if held.schema is not None:
        schema.refuse_unknown(held.schema, "The database")
    if not (held.accounts or held.batches):
        return
    counts = (
        f"{format_count(held.accounts, 'account', 'accounts')} and {format_count(held.batches, 'batch', 'batches')}"
    )
    if not replace:
        raise click.ClickException(f"The database is not empty: {counts}; --replace puts the backup in their place")
    if yes:
        return
    question = f"Replace {counts}? What has changed since the backup is lost"
    if not confirm(question, "nothing was changed; --yes does not ask"):
        raise click.ClickException("Nothing was changed")

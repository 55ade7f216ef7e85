"""The commands that keep everything and bring it back."""

from __future__ import annotations

import os
from pathlib import Path
from types import ModuleType

import click
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from flask import current_app
from flask.cli import with_appcontext
from flask_migrate import upgrade

from portal.backups import postgresql, sqlite
from portal.batches import check
from portal.commands import PlainCommand, agreed, number, progress_bar
from portal.extensions import db

UNFINISHED = ".unfinished"


@click.command("backup", cls=PlainCommand)
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Write over a file that is there.")
@with_appcontext
def backup(file: Path, replace: bool) -> None:
    """Write everything in the database, as of one moment, into FILE; the portal goes on meanwhile."""
    if file.exists() and not replace:
        raise click.ClickException(f"{file} is there already; --replace writes over it")
    unfinished = file.with_name(file.name + UNFINISHED)
    unfinished.unlink(missing_ok=True)
    try:
        unfinished.touch(mode=0o600)  # it holds everybody's phone numbers
        engine().save(db.engine.url, unfinished)
        found = engine().look(unfinished)
        sync(unfinished)
        unfinished.replace(file)
        sync(file.absolute().parent)
    finally:
        unfinished.unlink(missing_ok=True)
    click.echo(f"{file}: {file.stat().st_size:,} bytes, schema {found.revision}")
    click.echo("SECRET_KEY is not in it: keep that too")


@click.command("restore", cls=PlainCommand)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Take the place of what is in the database.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@with_appcontext
def restore(file: Path, replace: bool, yes: bool) -> None:
    """Make FILE, a backup, the database, all of it or nothing; then bring it to the newest schema and check it."""
    url = db.engine.url
    found = engine().look(file)
    if not is_known(found.revision):
        raise click.ClickException(f"{file} is of a newer release (schema {found.revision}); restore it with that one")
    if not engine().is_empty(url):
        if not replace:
            raise click.ClickException("The database is not empty; --replace takes the place of all that is in it")
        question = f"Take the place of everything in {url.render_as_string(hide_password=True)}?"
        if not yes and not agreed(question, "nothing was restored; --yes restores without asking"):
            click.echo("Nothing was restored")
            return
    db.session.remove()
    db.engine.dispose()
    engine().load(file, url)
    upgrade()
    with progress_bar(check.batch_count(), "Checking") as bar:
        differences = list(check.all_differences(bar.update))
    if differences:
        raise click.ClickException(
            f"Restored, with {number(len(differences), 'difference', 'differences')}: run batch check --repair"
        )
    restored = number(check.batch_count(), "batch", "batches")
    click.echo(f"Restored: {restored}; everything that is kept agrees with the rows")


def engine() -> ModuleType:
    """The module for the database that the portal runs on."""
    return {"sqlite": sqlite, "postgresql": postgresql}[db.engine.dialect.name]


def is_known(revision: str) -> bool:
    """Whether this release has a migration of that name."""
    scripts = ScriptDirectory(current_app.extensions["migrate"].directory)
    try:
        return bool(revision) and scripts.get_revision(revision) is not None
    except CommandError:
        return False


def sync(path: Path) -> None:
    """Wait until a file, or a folder's list of files, has reached the disk."""
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)

"""Helpers of all commands of `flask --app wsgi`: every failure is a message on standard error, never a stack trace."""

from __future__ import annotations

import logging
import sqlite3
import sys
from contextlib import AbstractContextManager
from typing import Any

import click
from flask.cli import AppGroup, ScriptInfo
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from portal.db.outages import find_outage
from portal.extensions import db
from portal.version import VERSION
from portal.web.parameters import InvalidParameter

UPGRADE = "run: flask --app wsgi db upgrade"

# click reports these itself: usage errors, Ctrl-C, the end of the input, and a closed pipe.
HANDLED_BY_CLICK = (click.ClickException, click.exceptions.Exit, click.Abort, EOFError, BrokenPipeError)

log = logging.getLogger(__name__)


class Command(click.Command):
    """A command that reports failures on standard error without a stack trace, with exit code 1."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command. Raises ClickException for every failure."""
        try:
            return super().invoke(context)
        except HANDLED_BY_CLICK:
            raise
        except Exception as error:
            with context.ensure_object(ScriptInfo).load_app().app_context():
                raise click.ClickException(describe_schema_error(error) or describe_error(error)) from error


class CommandGroup(AppGroup):
    """A group of such commands, each run inside the app."""

    command_class = Command


@click.command(cls=Command)
def version() -> None:
    """Print the version of the portal."""
    click.echo(f"Batch Portal {VERSION}")


def describe_error(error: Exception) -> str:
    """Return a message without SQL and without values other than the user's own."""
    if isinstance(error, InvalidParameter):
        return "; ".join(error.problems.values())
    if isinstance(error, DBAPIError) and find_outage(error):
        reason, _, _ = str(error.orig).strip().partition("\n")
        return f"Database unavailable: {reason}"
    if isinstance(error, sqlite3.Error):  # from a copy of the database that is opened without SQLAlchemy
        return f"SQLite: {error}"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    log.debug("unexpected failure", exc_info=error)
    return f"Unexpected failure: {type(error).__name__}; set LOG_LEVEL=DEBUG and retry to log the details"


def describe_schema_error(error: Exception) -> str | None:
    """Return what to do if a statement failed because tables or columns are missing, else None."""
    if not isinstance(error, DBAPIError) or find_outage(error):
        return None
    schema = inspect(db.engine)
    existing = {name: {column["name"] for column in schema.get_columns(name)} for name in schema.get_table_names()}
    expected = {name: set(table.columns.keys()) for name, table in db.metadata.tables.items()}
    if not existing.keys() & expected.keys():
        return f"The database has no tables yet; {UPGRADE}"
    if any(columns - existing.get(name, set()) for name, columns in expected.items()):
        return f"The database schema is from another release; {UPGRADE}"
    return None


def confirm(question: str, otherwise: str) -> bool:
    """Return whether the user confirms. Raises ClickException without a terminal; it ends with `otherwise`."""
    if not is_interactive():
        raise click.ClickException(f"Confirmation needs a terminal, so {otherwise}")
    return click.confirm(question)


def is_interactive() -> bool:
    """Return whether a user can answer questions."""
    return sys.stdin is not None and sys.stdin.isatty()


def progress_bar(length: int, label: str) -> AbstractContextManager[Any]:
    """Return a progress bar on standard error; it is hidden unless that is a terminal."""
    steps = max(length // 200, 1)
    hidden = not sys.stderr.isatty()
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden, update_min_steps=steps)


def format_count(count: int, one: str, many: str) -> str:
    """Return a count with its noun: 1 call, 41,188 calls."""
    return f"{count:,} {one if count == 1 else many}"

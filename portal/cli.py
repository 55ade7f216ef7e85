"""Shared parts of the commands of `flask --app wsgi`: plain error messages, confirmation, progress and counts."""

from __future__ import annotations

import logging
import sqlite3
import sys
from contextlib import AbstractContextManager
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy import inspect
from sqlalchemy.exc import DBAPIError

from portal.db.outages import find_outage
from portal.extensions import db
from portal.models.base import Base
from portal.web.parameters import InvalidParameter

UPGRADE = "Run: flask --app wsgi db upgrade"
NO_TABLES = f"The database has no tables. {UPGRADE}"
OLD_TABLES = f"The database schema is out of date. {UPGRADE}"

# Exceptions that Click handles itself: usage, exit codes, Ctrl-C, end of input, a closed pipe.
HANDLED_BY_CLICK = (click.ClickException, click.exceptions.Exit, click.Abort, EOFError, BrokenPipeError)

log = logging.getLogger(__name__)


class Command(click.Command):
    """A command that fails with exit code 1 and one line on standard error, never with a stack trace."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command and turn any exception into one line."""
        try:
            return super().invoke(context)
        except HANDLED_BY_CLICK:
            raise
        except Exception as error:
            raise click.ClickException(describe_error(error)) from error


class CommandGroup(AppGroup):
    """A group of such commands, each of which runs in an app context."""

    command_class = Command


def describe_error(error: Exception) -> str:
    """Describe an error in one line, without SQL and without values that the user did not enter."""
    if isinstance(error, InvalidParameter):
        return "; ".join(error.problems.values())
    if find_outage(error) is not None:
        reason = str(getattr(error, "orig", error)).strip().partition("\n")[0]
        return f"The database cannot be used: {reason}"
    if isinstance(error, DBAPIError) and (problem := find_schema_problem()):
        return problem
    if isinstance(error, sqlite3.Error):  # raised while copying the database, without SQLAlchemy
        return f"SQLite: {error}"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    log.debug("unexpected error", exc_info=error)
    return f"Unexpected error: {type(error).__name__}. Set LOG_LEVEL=DEBUG to log the details"


def find_schema_problem() -> str | None:
    """Return what to do about missing tables or columns; None if the database has all of them."""
    inspector = inspect(db.engine)
    existing = set(inspector.get_table_names())
    if not existing & Base.metadata.tables.keys():
        return NO_TABLES
    for name, table in Base.metadata.tables.items():
        columns = {column.name for column in table.columns}
        if name not in existing or columns - {column["name"] for column in inspector.get_columns(name)}:
            return OLD_TABLES
    return None


def confirm(question: str, hint: str) -> bool:
    """Ask a yes/no question. Without a terminal, raise ClickException with the hint."""
    if not is_interactive():
        raise click.ClickException(f"Cannot ask for confirmation without a terminal: {hint}")
    return click.confirm(question)


def is_interactive() -> bool:
    """Return whether standard input is a terminal."""
    return sys.stdin is not None and sys.stdin.isatty()


def progress_bar(length: int, label: str) -> AbstractContextManager[Any]:
    """Return a progress bar on standard error, which is hidden if that is not a terminal."""
    steps = max(length // 200, 1)
    hidden = not sys.stderr.isatty()
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden, update_min_steps=steps)


def format_count(count: int, singular: str, plural: str) -> str:
    """Format a count with its noun: "1 call", "41,188 calls"."""
    return f"{count:,} {singular if count == 1 else plural}"

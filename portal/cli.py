"""What the commands of `flask --app wsgi` share: whatever goes wrong is one plain line, never a stack trace."""

from __future__ import annotations

import logging
import sqlite3
import sys
from contextlib import AbstractContextManager
from typing import Any

import click
from flask.cli import AppGroup
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError

from portal.web.parameters import InvalidParameter

UPGRADE = "run: flask --app wsgi db upgrade"
NO_TABLES = f"The database has no tables yet; {UPGRADE}"
OLD_TABLES = f"The database is of another release; {UPGRADE}"

# What the engines say when a table or column is not there: codes of PostgreSQL's appendix A, words of SQLite.
MISSING = {
    "42P01": NO_TABLES,
    "no such table": NO_TABLES,
    "42703": OLD_TABLES,
    "no such column": OLD_TABLES,
    "has no column named": OLD_TABLES,
}

# What click itself says plainly, or passes on: usage, Ctrl-C, the end of the input, a reader that has gone.
CLICKS_OWN = (click.ClickException, click.exceptions.Exit, click.Abort, EOFError, BrokenPipeError)

log = logging.getLogger(__name__)


class Command(click.Command):
    """A command whose failures end it with exit code 1 and one line on standard error."""

    def invoke(self, context: click.Context) -> Any:
        """Run the command; whatever it raises becomes a plain line."""
        try:
            return super().invoke(context)
        except CLICKS_OWN:
            raise
        except Exception as error:
            raise click.ClickException(describe_error(error)) from error


class CommandGroup(AppGroup):
    """A group of such commands, each run inside the app."""

    command_class = Command


def describe_error(error: Exception) -> str:
    """What went wrong, for a person. It holds no SQL and no values but those that the person gave."""
    if isinstance(error, InvalidParameter):
        return "; ".join(error.problems.values())
    if isinstance(error, DBAPIError) and (words := describe_database_error(error)):
        return words
    if isinstance(error, sqlite3.Error):  # of a copy of the database, which SQLAlchemy has no part in
        return f"SQLite: {error}"
    if isinstance(error, OSError) and error.strerror and error.filename:
        return f"{error.filename}: {error.strerror}"
    log.debug("unexpected failure", exc_info=error)
    return f"Unexpected failure: {type(error).__name__}; with LOG_LEVEL=DEBUG the log says where"


def describe_database_error(error: DBAPIError) -> str | None:
    """What to do about the database; None where the portal itself is at fault."""
    reason = str(error.orig).strip().partition("\n")[0]
    told = f"{getattr(error.orig, 'sqlstate', '')} {reason}"
    for sign, words in MISSING.items():
        if sign in told:
            return words
    away = isinstance(error, OperationalError | InterfaceError)
    return f"The database cannot be used: {reason}" if away else None


def confirm(question: str, otherwise: str) -> bool:
    """Whether a person says yes. Raises ClickException where there is nobody to ask; it says what is so `otherwise`."""
    if not is_interactive():
        raise click.ClickException(f"There is no terminal to ask at, so {otherwise}")
    return click.confirm(question)


def is_interactive() -> bool:
    """Whether somebody can answer."""
    return sys.stdin is not None and sys.stdin.isatty()


def progress_bar(length: int, label: str) -> AbstractContextManager[Any]:
    """A bar on standard error; none at all where that is not a terminal."""
    steps = max(length // 200, 1)
    hidden = not sys.stderr.isatty()
    return click.progressbar(length=length, label=label, file=sys.stderr, hidden=hidden, update_min_steps=steps)


def format_count(count: int, one: str, many: str) -> str:
    """A count and its noun: 1 call, 41,188 calls."""
    return f"{count:,} {one if count == 1 else many}"

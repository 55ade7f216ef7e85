"""Write log records to standard error, one line each, as JSON or as key=value pairs.

A line never contains a value that a client sent: `describe_exception` leaves out the texts of exceptions.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

from flask import Flask, g, has_request_context
from sqlalchemy.exc import DBAPIError

from portal.version import ROOT

# One line per request, with its values in `extra={"fields": …}` (portal/web/request_hooks.py).
request_log = logging.getLogger("portal.request")

# Exceptions whose texts come from the code and not from a client. They are logged because they help to find the bug.
SAFE_EXCEPTIONS = (AttributeError, ImportError, NameError, NotImplementedError, RecursionError, ZeroDivisionError)
MAX_CAUSES = 5
MAX_FRAMES = 30


class StderrHandler(logging.StreamHandler[TextIO]):
    """Write to the current standard error, and never fail: a full disk must not turn a response into an error."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Return the current standard error."""
        return sys.stderr

    def handleError(self, record: logging.LogRecord) -> None:
        """Drop a record that cannot be written."""


class LineFormatter(logging.Formatter):
    """Format a record as one line of JSON ("json") or of key=value pairs ("text")."""

    def __init__(self, line_format: str) -> None:
        super().__init__()
        self.render = json.dumps if line_format == "json" else render_text

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, which starts with the time (UTC), the level and the event."""
        created_at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        entry: dict[str, Any] = {
            "time": created_at.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "event": record.getMessage(),
        }
        fields: dict[str, Any] | None = getattr(record, "fields", None)
        if fields is not None:
            entry |= fields
        else:
            entry["logger"] = record.name
            if has_request_context() and (request_id := g.get("request_id")):
                entry["id"] = request_id
        if record.exc_info and record.exc_info[1]:
            entry |= describe_exception(record.exc_info[1])
        return self.render(entry)


def init_app(app: Flask) -> None:
    """Add the handler to the root logger, unless the process (such as a test run) has added one already."""
    root = logging.getLogger()
    if root.handlers:
        return
    handler = StderrHandler()
    handler.setFormatter(LineFormatter(resolve_format(app.config["LOG_FORMAT"])))
    handler.addFilter(is_loggable)
    root.addHandler(handler)
    root.setLevel(app.config["LOG_LEVEL"])


def resolve_format(setting: str) -> str:
    """Return "json" or "text"; "auto" is "text" on a terminal."""
    if setting != "auto":
        return setting
    return "text" if sys.stderr.isatty() else "json"


def render_text(entry: dict[str, Any]) -> str:
    """Return the entry as key=value pairs (logfmt)."""
    return " ".join(f"{key}={quote_text(value)}" for key, value in entry.items())


def quote_text(value: Any) -> str:
    """Return a value in quotes if it needs them, without line breaks or control characters for the terminal."""
    text = " < ".join(map(str, value)) if isinstance(value, list) else str(value)
    if not text.isprintable():
        text = "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)
    text = text.replace('"', '\\"')
    return f'"{text}"' if " " in text or "=" in text else text


def describe_exception(error: BaseException) -> dict[str, Any]:
    """Return the exception and its causes as `error`, and the stack as `frames`, without values from a client."""
    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and len(causes) < MAX_CAUSES and cause not in causes:
        causes.append(cause)
        cause = cause.__cause__ or (None if cause.__suppress_context__ else cause.__context__)
    return {"error": [summarize_exception(cause) for cause in causes], "frames": format_frames(error.__traceback__)}


def summarize_exception(error: BaseException) -> str:
    """Return the type of an exception, and its text where that is safe."""
    name = type(error).__qualname__
    if isinstance(error, DBAPIError):
        return f"{name}({database_code(error.orig)})"
    if isinstance(error, SAFE_EXCEPTIONS):
        return f"{name}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name


def database_code(error: BaseException | None) -> str:
    """Return the SQLSTATE, or SQLite's name of the error, and the violated constraint."""
    diagnostics = getattr(error, "diag", None)
    codes = (
        getattr(error, "sqlstate", None),
        getattr(error, "sqlite_errorname", None),
        getattr(diagnostics, "constraint_name", None),
    )
    return " ".join(filter(None, codes)) or type(error).__name__


def format_frames(trace: TracebackType | None) -> list[str]:
    """Return `file:line function` of each frame, innermost first."""
    frames = reversed(traceback.extract_tb(trace))
    return [f"{shorten_path(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames][:MAX_FRAMES]


def shorten_path(filename: str) -> str:
    """Return a path relative to the project, or to `site-packages`."""
    path = Path(filename)
    if path.is_relative_to(ROOT):
        filename = str(path.relative_to(ROOT))
    return filename.rpartition("site-packages/")[2]


def is_loggable(record: logging.LogRecord) -> bool:
    """Return False for the request lines of Flask's development server: they hold addresses with phone numbers."""
    return not (record.name == "werkzeug" and record.levelno == logging.INFO and '"%s" %s %s' in str(record.msg))

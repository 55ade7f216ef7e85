"""The log: one line a record, as JSON or as key=value, and never a value that somebody sent.

Every logger writes through `formatter`. The line of a request takes a shorter way to the same place, since each request
pays for it.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from collections.abc import MutableMapping
from pathlib import Path
from types import TracebackType
from typing import Any, TextIO

import structlog
from flask import Flask, g, has_request_context
from sqlalchemy.exc import DBAPIError
from structlog.processors import JSONRenderer, LogfmtRenderer, TimeStamper
from structlog.stdlib import ProcessorFormatter

from portal.version import ROOT

REQUEST_LOG = "request_log"
FIRST = ("time", "level", "event")

# Exceptions whose words are of the code, not of what somebody sent: kept, because they say what to mend.
SAFE_EXCEPTIONS = (AttributeError, ImportError, NameError, NotImplementedError, RecursionError, ZeroDivisionError)
DEEPEST_CHAIN = 5

Record = MutableMapping[str, Any]


class Stderr(logging.StreamHandler[TextIO]):
    """Writes to standard error as it is at the moment of writing."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        """Standard error."""
        return sys.stderr


class LineWriter:
    """Where the lines of requests go. A log that cannot be written to must not make an answer fail."""

    def msg(self, line: str) -> None:
        """Write one line, in one piece."""
        try:
            sys.stderr.write(line + "\n")
            sys.stderr.flush()
        except (OSError, ValueError):
            return

    debug = info = msg


def init_app(app: Flask) -> None:
    """Tie the log to the app; where the process has handlers already, such as a test's, they stay alone."""
    level, kind = app.config["LOG_LEVEL"], log_format(app.config["LOG_FORMAT"])
    root = logging.getLogger()
    if not root.handlers:
        handler = Stderr()
        handler.setFormatter(make_formatter(kind))
        handler.addFilter(is_worth_logging)
        root.addHandler(handler)
        root.setLevel(level)
    app.extensions[REQUEST_LOG] = request_log(level, kind)


def log_format(wanted: str) -> str:
    """json or text; auto is text where somebody looks on."""
    if wanted != "auto":
        return wanted
    return "text" if sys.stderr.isatty() else "json"


def request_log(level: str, kind: str, lines: object = None) -> structlog.typing.FilteringBoundLogger:
    """The logger of requests; `lines` takes what it writes."""
    chain = [structlog.processors.add_log_level, TimeStamper("iso", utc=True, key="time"), *renderers(kind)]
    level_number = logging.getLevelNamesMapping()[level]
    filtering = structlog.make_filtering_bound_logger(level_number)
    return structlog.wrap_logger(lines or LineWriter(), processors=chain, wrapper_class=filtering).bind()


def make_formatter(kind: str) -> logging.Formatter:
    """The formatter of every other logger."""
    before = [
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        written_at,
        add_request_id,
        hide_exception_text,
    ]
    return ProcessorFormatter(
        foreign_pre_chain=before, processors=[ProcessorFormatter.remove_processors_meta, *renderers(kind)]
    )


def renderers(kind: str) -> list[structlog.typing.Processor]:
    """The last steps of both ways."""
    if kind == "json":
        return [JSONRenderer(order_keys)]
    return [escape_controls, LogfmtRenderer(key_order=FIRST, drop_missing=True, bool_as_flag=False)]


def order_keys(record: Record, **how: Any) -> str:
    """JSON that begins with what a reader looks for first."""
    return json.dumps({name: record[name] for name in FIRST} | record, **how)


def escape_controls(_logger: object, _name: str, record: Record) -> Record:
    """No line break, and nothing that moves a terminal's cursor, whoever sent it."""
    for key, value in record.items():
        text = " < ".join(map(str, value)) if isinstance(value, list) else value
        if isinstance(text, str) and not text.isprintable():
            text = "".join(one if one.isprintable() else repr(one)[1:-1] for one in text)
        record[key] = text
    return record


written_at = TimeStamper("iso", utc=True, key="time")


def add_request_id(_logger: object, _name: str, record: Record) -> Record:
    """Which request it was written in."""
    if has_request_context() and (found := g.get("request_id")):
        record["id"] = found
    return record


def hide_exception_text(_logger: object, _name: str, record: Record) -> Record:
    """An exception as its kind and its way through the code; its words may hold what somebody sent."""
    error = record.pop("exc_info", None)
    if error and error[1] is not None:
        record.update(describe_exception(error[1]))
    return record


def describe_exception(error: BaseException) -> dict[str, Any]:
    """The kinds of an exception and of what led to it, what can be said of them, and the way through the code."""
    chain: list[BaseException] = []
    step: BaseException | None = error
    while step is not None and len(chain) < DEEPEST_CHAIN and step not in chain:
        chain.append(step)
        step = step.__cause__ or (None if step.__suppress_context__ else step.__context__)
    return {"error": [exception_summary(one) for one in chain], "frames": format_frames(chain[0].__traceback__)}


def exception_summary(error: BaseException) -> str:
    """The kind of an exception, with what in it is surely ours."""
    kind = type(error).__qualname__
    if isinstance(error, DBAPIError):
        return f"{kind}({database_code(error.orig)})"
    if isinstance(error, SAFE_EXCEPTIONS):
        return f"{kind}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{kind}: {error.strerror}"
    return kind


def database_code(error: BaseException | None) -> str:
    """What the database calls it: SQLSTATE, or SQLite's name, and the constraint."""
    diagnosis = getattr(error, "diag", None)
    codes = (
        getattr(error, "sqlstate", None),
        getattr(error, "sqlite_errorname", None),
        getattr(diagnosis, "constraint_name", None),
    )
    return " ".join(filter(None, codes)) or type(error).__name__


def format_frames(trace: TracebackType | None) -> list[str]:
    """Where it happened, the innermost first: file:line function."""
    found = traceback.extract_tb(trace)
    return [f"{format_location(frame.filename)}:{frame.lineno} {frame.name}" for frame in reversed(found)][:30]


def format_location(filename: str) -> str:
    """A file of ours below the project, another below its package's folder."""
    path = Path(filename)
    if path.is_relative_to(ROOT):
        return str(path.relative_to(ROOT)).rpartition("site-packages/")[2]
    return filename.rpartition("site-packages/")[2]


def is_worth_logging(record: logging.LogRecord) -> bool:
    """Flask's own server for development writes each address, and an address may hold a phone number."""
    return not (record.name == "werkzeug" and record.levelno == logging.INFO and '"%s" %s %s' in str(record.msg))

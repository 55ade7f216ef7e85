"""The log: one line per request, and no line with a value that a client sent."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from portal.models import User
from portal.telemetry import logs
from portal.telemetry.logs import LineFormatter, is_loggable, request_log
from tests.support.builders import Builder

NUMBER = "+12025550123"
FIELDS = {"id": "abc", "route": "/batches", "status": 200}


def test_a_request_is_one_line_with_its_user_and_route(
    client: FlaskClient, build: Builder, owner: User, request_lines: list[str]
) -> None:
    token = build.create_token(owner)
    build.create_batch(owner)
    headers = {"Authorization": f"Bearer {token}", "X-Request-Id": "abc"}
    client.get(f"/api/call/batches/{owner.id}?search={NUMBER}", headers=headers)
    (line,) = request_lines
    entry = json.loads(line)
    assert list(entry)[:3] == ["time", "level", "event"]
    assert isinstance(entry.pop("ms"), float)
    assert entry.pop("time").endswith("Z")
    assert entry == {
        "level": "info",
        "event": "request",
        "id": "abc",
        "user": owner.id,
        "token": token.split("_")[1],
        "method": "GET",
        "route": "/api/call/batches/<user_id>",
        "status": 200,
    }


def test_a_page_logs_its_user_if_there_is_one(
    signed_in: FlaskClient, client: FlaskClient, owner: User, request_lines: list[str]
) -> None:
    signed_in.get("/batches")
    client.get("/nowhere")
    page, unknown = map(json.loads, request_lines)
    assert (page["user"], page["route"]) == (owner.id, "/batches")
    assert "token" not in page
    assert unknown["route"] == "-"
    assert "user" not in unknown


def log_text(line_format: str, log: Callable[[logging.Logger], Any]) -> str:
    """Return the text that the logger of a library writes."""
    output = io.StringIO()
    handler = logging.StreamHandler(output)
    handler.setFormatter(LineFormatter(line_format))
    logger = logging.Logger("some.library")
    logger.addHandler(handler)
    log(logger)
    return output.getvalue()


def fail(logger: logging.Logger, error: Exception, cause: Exception | None = None) -> None:
    try:
        raise error from cause
    except Exception:
        logger.exception("unexpected failure")


@pytest.mark.parametrize("line_format", ["json", "text"])
def test_an_exception_is_logged_without_its_values(line_format: str) -> None:
    cause = IntegrityError(f"INSERT {NUMBER}", {"number": NUMBER}, sqlite3.IntegrityError(f"UNIQUE failed: {NUMBER}"))
    text = log_text(line_format, lambda logger: fail(logger, ValueError(f"cannot read {NUMBER}"), cause))
    assert text.count("\n") == 1
    assert NUMBER not in text
    for expected in ("unexpected failure", "ValueError", "IntegrityError", "tests/telemetry/test_logs.py", "fail"):
        assert expected in text
    assert "KeyError" in log_text(line_format, lambda logger: fail(logger, KeyError(NUMBER)))
    assert "has no attribute 'x'" in log_text(
        line_format, lambda logger: fail(logger, AttributeError("has no attribute 'x'"))
    )


def test_an_exception_in_a_request_has_the_request_id(app: Flask) -> None:
    with app.test_request_context():
        app.preprocess_request()
        line = json.loads(log_text("json", lambda logger: fail(logger, ValueError())))
    assert line["id"]
    assert line["logger"] == "some.library"


@pytest.mark.parametrize("line_format", ["json", "text"])
def test_a_message_cannot_add_a_line_or_move_the_cursor(line_format: str) -> None:
    text = log_text(line_format, lambda logger: logger.warning("a\r\nlevel=error b\x1b[2J\u2028c"))
    assert len(text.splitlines()) == 1
    assert text.rstrip("\n").isprintable()


def test_the_text_format_is_logfmt() -> None:
    line = log_text("text", lambda logger: logger.info("request", extra={"fields": FIELDS})).rstrip("\n")
    assert line.startswith("time=")
    assert line.endswith("level=info event=request id=abc route=/batches status=200")
    assert ' event="a \\"b\\" c" ' in log_text("text", lambda logger: logger.info('a "b" c'))


@pytest.fixture
def set_up_log(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Set up the log as in a process of the portal's own, without the handlers of the test run."""
    root = logging.getLogger()
    level = root.level

    def set_up(log_level: str) -> None:
        monkeypatch.setattr(root, "handlers", [])
        monkeypatch.setitem(app.config, "LOG_LEVEL", log_level)
        logs.init_app(app)

    yield set_up
    root.setLevel(level)


@pytest.mark.parametrize(("level", "is_written"), [("INFO", True), ("WARNING", False)])
def test_lines_below_the_level_are_not_written(
    set_up_log: Callable[[str], None], capsys: pytest.CaptureFixture, level: str, is_written: bool
) -> None:
    set_up_log(level)
    request_log.info("request", extra={"fields": FIELDS})
    assert capsys.readouterr().err.count("\n") == is_written


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), ValueError("I/O operation on closed file")])
def test_a_log_that_cannot_be_written_raises_nothing(
    set_up_log: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    class FullDisk(io.StringIO):
        def write(self, _text: str) -> int:
            raise error

    set_up_log("INFO")
    monkeypatch.setattr("sys.stderr", FullDisk())
    request_log.info("request", extra={"fields": FIELDS})


def test_request_lines_of_the_development_server_are_dropped() -> None:
    def record(message: str) -> logging.LogRecord:
        return logging.LogRecord("werkzeug", logging.INFO, "", 0, message, ("GET /?search=1", "200", "-"), None)

    assert not is_loggable(record('127.0.0.1 - - [now] "%s" %s %s\n'))
    assert is_loggable(record(" * Running on %s %s %s"))

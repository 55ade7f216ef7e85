"""The log: a line a request with what an operator looks for, and nothing in any line of what was sent."""

from __future__ import annotations

import io
import json
import logging
import sqlite3
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError

from portal.models import User
from portal.telemetry.logs import LineWriter, is_worth_logging, make_formatter, request_log
from tests.conftest import CapturedLines
from tests.support.builders import Builder

NUMBER = "+12025550123"


def test_a_request_is_one_line_with_who_and_what(
    client: FlaskClient, build: Builder, owner: User, request_lines: list[str]
) -> None:
    token = build.create_token(owner)
    build.create_batch(owner)
    headers = {"Authorization": f"Bearer {token}", "X-Request-Id": "abc"}
    client.get(f"/api/call/batches/{owner.id}?search={NUMBER}", headers=headers)
    (line,) = request_lines
    told = json.loads(line)
    assert list(told)[:3] == ["time", "level", "event"]
    assert isinstance(told.pop("ms"), float)
    assert told.pop("time").endswith("Z")
    assert told == {
        "level": "info",
        "event": "request",
        "id": "abc",
        "user": owner.id,
        "token": token.split("_")[1],
        "method": "GET",
        "route": "/api/call/batches/<user_id>",
        "status": 200,
    }


def test_a_page_tells_its_reader_and_nobody_tells_nobody(
    signed_in: FlaskClient, client: FlaskClient, owner: User, request_lines: list[str]
) -> None:
    signed_in.get("/batches")
    client.get("/nowhere")
    page, nowhere = map(json.loads, request_lines)
    assert (page["user"], page["route"]) == (owner.id, "/batches")
    assert "token" not in page
    assert nowhere["route"] == "-"
    assert "user" not in nowhere


def written(kind: str, log: Callable[[logging.Logger], Any]) -> str:
    """What comes out where any library logs."""
    page = io.StringIO()
    handler = logging.StreamHandler(page)
    handler.setFormatter(make_formatter(kind))
    logger = logging.Logger("some.library")
    logger.addHandler(handler)
    log(logger)
    return page.getvalue()


def fail(logger: logging.Logger, error: Exception, cause: Exception | None = None) -> None:
    try:
        raise error from cause
    except Exception:
        logger.exception("unexpected failure")


@pytest.mark.parametrize("kind", ["json", "text"])
def test_an_exception_is_told_without_what_it_holds(kind: str) -> None:
    refused = sqlite3.IntegrityError(f"UNIQUE failed for {NUMBER}")
    error = IntegrityError(f"INSERT {NUMBER}", {"number": NUMBER}, refused)
    text = written(kind, lambda logger: fail(logger, ValueError(f"cannot read {NUMBER}"), error))
    assert text.count("\n") == 1
    assert NUMBER not in text
    for told in ("unexpected failure", "ValueError", "IntegrityError", "tests/telemetry/test_logs.py", "fail"):
        assert told in text
    assert "KeyError" in written(kind, lambda logger: fail(logger, KeyError(NUMBER)))
    assert "has no attribute 'x'" in written(kind, lambda logger: fail(logger, AttributeError("has no attribute 'x'")))


def test_an_exception_of_a_request_carries_its_id(app: Flask) -> None:
    with app.test_request_context():
        app.preprocess_request()
        line = json.loads(written("json", lambda logger: fail(logger, ValueError())))
    assert line["id"]
    assert line["logger"] == "some.library"


@pytest.mark.parametrize("kind", ["json", "text"])
def test_nobody_adds_a_line_or_moves_the_cursor(kind: str) -> None:
    text = written(kind, lambda logger: logger.warning("a\r\nlevel=error b\x1b[2J\u2028c"))
    assert len(text.splitlines()) == 1
    assert text.rstrip("\n").isprintable()


def test_at_a_terminal_a_line_reads_by_itself() -> None:
    kept = CapturedLines()
    request_log("INFO", "text", kept).info("request", id="abc", route="/batches", status=200)
    (line,) = kept.lines
    assert line.startswith("time=")
    assert line.endswith("level=info event=request id=abc route=/batches status=200")


def test_below_its_level_nothing_is_written() -> None:
    kept = CapturedLines()
    log = request_log("WARNING", "json", kept)
    log.info("request")
    assert kept.lines == []


def test_a_log_that_cannot_be_written_fails_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    class Full(io.StringIO):
        def write(self, _text: str) -> int:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr("sys.stderr", Full())
    LineWriter().msg("line")


def test_the_development_servers_lines_with_addresses_are_left_out() -> None:
    def record(message: str) -> logging.LogRecord:
        return logging.LogRecord("werkzeug", logging.INFO, "", 0, message, ("GET /?search=1", "200", "-"), None)

    assert not is_worth_logging(record('127.0.0.1 - - [now] "%s" %s %s\n'))
    assert is_worth_logging(record(" * Running on %s %s %s"))

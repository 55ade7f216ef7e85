"""A slow, full or read-only database: a clear response, no partial change, and reads still work."""

from __future__ import annotations

import errno
import io
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import Engine, event, text
from xlsxwriter.exceptions import FileCreateError

from portal.accounts.query import list_tokens
from portal.db.transactions import lift_time_limit
from portal.extensions import db
from portal.models import User
from portal.web.errors import ERROR_TEXTS
from tests.conftest import csrf_token
from tests.support.builders import Builder

NUMBERS = [{"phoneNumber": f"+1202555{number:04}", "note": "x" * 1000} for number in range(100, 200)]
BODY = {"batchName": "Spring", "callingNumbers": ["+12025550100"]}
DISK_FULL = OSError(errno.ENOSPC, "No space left on device")

DISK_FULL_TRIGGER = """
CREATE FUNCTION disk_full() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER disk_full BEFORE INSERT ON calls EXECUTE FUNCTION disk_full();
"""


@contextmanager
def event_listener(engine: Engine, name: str, listener: Callable[..., None]) -> Iterator[None]:
    event.listen(engine, name, listener)
    yield
    event.remove(engine, name, listener)


@contextmanager
def full_disk(app: Flask) -> Iterator[None]:
    """Make every insert of a call fail for lack of space."""
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "postgresql":
        run(engine, DISK_FULL_TRIGGER)
        yield
        run(engine, "DROP FUNCTION disk_full CASCADE")
        return
    engine.dispose()
    with closing(sqlite3.connect(engine.url.database)) as connection:
        connection.execute("VACUUM")  # removes the free pages that earlier tests have left

    def limit_size(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # the file cannot grow

    with event_listener(engine, "connect", limit_size):
        yield
        engine.dispose()


@contextmanager
def read_only(app: Flask) -> Iterator[None]:
    """Make every write fail."""
    with app.app_context():
        engine = db.engine
    engine.dispose()
    statement = {
        "sqlite": "PRAGMA query_only = ON",
        "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    }[engine.dialect.name]

    def make_read_only(connection: Any, _record: object) -> None:
        connection.execute(statement)
        connection.commit()

    with event_listener(engine, "connect", make_read_only):
        yield
        engine.dispose()


def run(engine: Engine, script: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(script))


def count_batches(api: Callable) -> int:
    return api().json["data"]["pagination"]["total"]


def count_calls(call_api: Callable, batch_id: str) -> int:
    return call_api(f"batch-details/{batch_id}").json["data"]["total"]


def test_a_full_disk_is_507_and_changes_nothing(
    app: Flask, api: Callable, call_api: Callable, signed_in: FlaskClient
) -> None:
    batch = call_api("createBatch", BODY).json["data"]
    many = {"batchId": batch, "call_data": NUMBERS}
    rows = b"".join(b"+1202555%04d,%b\n" % (number, b"x" * 300) for number in range(900))
    token = csrf_token(signed_in.get("/batches/new").text)
    upload = {"file": (io.BytesIO(b"phoneNumber,note\n" + rows), "a.csv"), "csrf_token": token}
    with full_disk(app):
        refused = call_api("addCallsToBatch", many)
        assert (refused.status_code, refused.json["errorMessage"]) == (507, ERROR_TEXTS[507].api)
        if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
            page = signed_in.post("/batches/new", data=upload)
            assert (page.status_code, "disk is full" in page.text) == (507, True)
        assert count_calls(call_api, batch) == 0
        assert count_batches(api) == 1
    assert call_api("addCallsToBatch", many).status_code == 200
    assert count_calls(call_api, batch) == len(NUMBERS)


def test_a_read_only_database_still_answers_reads(
    app: Flask, api: Callable, call_api: Callable, signed_in: FlaskClient, build: Builder, owner: User
) -> None:
    batch = build.create_batch(owner)
    token = csrf_token(signed_in.get(f"/batches/{batch.id}").text)
    with read_only(app):
        assert count_batches(api) == 1  # the time of the token's last use is not saved
        assert signed_in.get("/batches").status_code == 200
        refused = call_api("createBatch", BODY)
        assert (refused.status_code, refused.json["errorMessage"]) == (
            503,
            "Read-only mode: changes are not possible; retry in a few seconds",
        )
        assert int(refused.headers["Retry-After"]) > 0
        page = signed_in.post("/settings/account", data={"csrf_token": token, "name": "New", "zone": "UTC"})
        assert (page.status_code, "Changes are not possible" in page.text) == (503, True)
    with app.app_context():
        assert [token.last_used_at for token in list_tokens(owner.key)] == [None, None]
    assert call_api("createBatch", BODY).status_code == 201
    assert count_batches(api) == 2


@pytest.fixture(scope="module")
def impatient_apps(make_app: Callable[..., Flask]) -> Callable[[str], Flask]:
    """Return a function that returns an app with a statement timeout of one second."""
    apps: dict[str, Flask] = {}

    def get_app(dialect: str) -> Flask:
        return apps.get(dialect) or apps.setdefault(dialect, make_app(dialect, STATEMENT_TIMEOUT_MS=1000))

    return get_app


LONG_QUERY = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {maximum}) SELECT max(i) FROM n"


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_a_statement_that_times_out_is_503(
    impatient_apps: Callable, dialect: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = impatient_apps(dialect)
    build = Builder(app)
    owner = build.create_user("owner")
    build.create_batch(owner)
    headers = {"Authorization": f"Bearer {build.create_token(owner)}"}
    address = f"/api/call/batches/{owner.id}"

    def slow(*_: object) -> None:
        db.session.execute(text(LONG_QUERY.format(maximum=10**12)))

    with monkeypatch.context() as patched:
        patched.setattr("portal.batches.query.fetch_page", slow)
        answer = app.test_client().get(address, headers=headers)
    assert (answer.status_code, "took too long" in answer.json["errorMessage"]) == (503, True)
    assert int(answer.headers["Retry-After"]) > 0
    assert "Traceback" not in caplog.text
    assert "slow" in caplog.text
    assert app.test_client().get(address, headers=headers).status_code == 200


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_lifted_time_limit_ends_with_the_transaction(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        deadline = connection.connection.driver_connection.deadline
        with connection.begin():
            lift_time_limit(connection)
            connection.execute(text("SELECT 1"))
            assert deadline.expires_at == float("inf")
        connection.execute(text("SELECT 1"))
        assert deadline.expires_at < float("inf")


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_a_slow_reader_does_not_time_out(app: Flask) -> None:
    """Only the time in which the database works counts, so a download may be slow."""
    with app.app_context():
        rows = db.session.execute(text(LONG_QUERY.format(maximum=200_000).replace("max(i)", "i")))
        deadline = db.session.connection().connection.driver_connection.deadline
        for number, _ in enumerate(rows):
            if number % 50_000 == 0:
                deadline.expires_at = 0.0  # as if the reader had paused for long
        assert number == 199_999


def test_an_export_on_a_full_disk_is_507(
    signed_in: FlaskClient, build: Builder, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.create_batch(owner)

    def fail(*_: object, **__: object) -> None:
        raise FileCreateError(DISK_FULL)

    monkeypatch.setattr("portal.web.spreadsheets.Workbook", fail)
    answer = signed_in.get("/batches/export.xlsx")
    assert (answer.status_code, "disk is full" in answer.text) == (507, True)
    assert "Content-Disposition" not in answer.headers


def test_an_upload_on_a_full_disk_is_507(
    call_api: Callable, api: Callable, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise DISK_FULL

    monkeypatch.setattr("werkzeug.wrappers.request.default_stream_factory", fail)
    form = {"userId": owner.id, "batchName": "File", "callingNumbers": '["+12025550100"]'}
    data = form | {"file": (io.BytesIO(b"phoneNumber\n+12025550101\n"), "a.csv")}
    answer = call_api("upload", method="POST", data=data, content_type="multipart/form-data")
    assert (answer.status_code, answer.json["code"]) == (507, 507)
    assert api().status_code == 404


def test_a_missing_file_is_500(api: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file")

    monkeypatch.setattr("portal.accounts.query.find_caller", missing)
    assert api().status_code == 500

"""A database that is slow, full or read-only: a clear answer, nothing half done, and reading goes on."""

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
NO_ROOM = OSError(errno.ENOSPC, "No space left on device")

FILL = """
CREATE FUNCTION no_room() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
CREATE TRIGGER no_room BEFORE INSERT ON calls EXECUTE FUNCTION no_room();
"""


@contextmanager
def listening(engine: Engine, name: str, does: Callable[..., None]) -> Iterator[None]:
    event.listen(engine, name, does)
    yield
    event.remove(engine, name, does)


@contextmanager
def full(app: Flask) -> Iterator[None]:
    """No room for a call more."""
    with app.app_context():
        engine = db.engine
    if engine.dialect.name == "postgresql":
        run(engine, FILL)
        yield
        run(engine, "DROP FUNCTION no_room CASCADE")
        return
    engine.dispose()
    with closing(sqlite3.connect(engine.url.database)) as connection:
        connection.execute("VACUUM")  # what tests before have freed is no room either

    def bound(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA max_page_count = 1")  # it grows no more

    with listening(engine, "connect", bound):
        yield
        engine.dispose()


@contextmanager
def read_only(app: Flask) -> Iterator[None]:
    """Nothing can be written."""
    with app.app_context():
        engine = db.engine
    engine.dispose()
    statement = {
        "sqlite": "PRAGMA query_only = ON",
        "postgresql": "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    }[engine.dialect.name]

    def shut(connection: Any, _record: object) -> None:
        connection.execute(statement)
        connection.commit()

    with listening(engine, "connect", shut):
        yield
        engine.dispose()


def run(engine: Engine, script: str) -> None:
    with engine.begin() as connection:
        connection.execute(text(script))


def total(api: Callable) -> int:
    return api().json["data"]["pagination"]["total"]


def calls_of(call_api: Callable, batch_id: str) -> int:
    return call_api(f"batch-details/{batch_id}").json["data"]["total"]


def test_a_full_disk_is_507_and_nothing_is_half_done(
    app: Flask, api: Callable, call_api: Callable, signed_in: FlaskClient
) -> None:
    batch = call_api("createBatch", BODY).json["data"]
    many = {"batchId": batch, "call_data": NUMBERS}
    rows = b"".join(b"+1202555%04d,%b\n" % (number, b"x" * 300) for number in range(900))
    token = csrf_token(signed_in.get("/batches/new").text)
    upload = {"file": (io.BytesIO(b"phoneNumber,note\n" + rows), "a.csv"), "csrf_token": token}
    with full(app):
        refused = call_api("addCallsToBatch", many)
        assert (refused.status_code, refused.json["errorMessage"]) == (507, ERROR_TEXTS[507].api)
        if app.config["SQLALCHEMY_DATABASE_URI"].startswith("sqlite"):
            page = signed_in.post("/batches/new", data=upload)
            assert (page.status_code, "disk is full" in page.text) == (507, True)
        assert calls_of(call_api, batch) == 0
        assert total(api) == 1
    assert call_api("addCallsToBatch", many).status_code == 200
    assert calls_of(call_api, batch) == len(NUMBERS)


def test_a_read_only_database_is_read_and_not_changed(
    app: Flask, api: Callable, call_api: Callable, signed_in: FlaskClient, build: Builder, owner: User
) -> None:
    batch = build.create_batch(owner)
    token = csrf_token(signed_in.get(f"/batches/{batch.id}").text)
    with read_only(app):
        assert total(api) == 1  # although the token's use would be written down now
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
        assert [one.last_used_at for one in list_tokens(owner.key)] == [None, None]
    assert call_api("createBatch", BODY).status_code == 201
    assert total(api) == 2


@pytest.fixture(scope="module")
def hurried(make_app: Callable[..., Flask]) -> Callable[[str], Flask]:
    """The app on a database that gives up after a second."""
    kept: dict[str, Flask] = {}

    def app_on(kind: str) -> Flask:
        return kept.get(kind) or kept.setdefault(kind, make_app(kind, STATEMENT_TIMEOUT_MS=1000))

    return app_on


ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) SELECT max(i) FROM n"


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_a_statement_has_its_time_and_no_more(
    hurried: Callable, kind: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    app = hurried(kind)
    build = Builder(app)
    owner = build.create_user("owner")
    build.create_batch(owner)
    headers = {"Authorization": f"Bearer {build.create_token(owner)}"}
    address = f"/api/call/batches/{owner.id}"

    def slow(*_: object) -> None:
        db.session.execute(text(ENDLESS.format(most=10**12)))

    with monkeypatch.context() as patched:
        patched.setattr("portal.batches.query.fetch_page", slow)
        answer = app.test_client().get(address, headers=headers)
    assert (answer.status_code, "took too long" in answer.json["errorMessage"]) == (503, True)
    assert int(answer.headers["Retry-After"]) > 0
    assert "Traceback" not in caplog.text
    assert "slow" in caplog.text
    assert app.test_client().get(address, headers=headers).status_code == 200


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_work_on_a_whole_table_has_all_the_time_and_the_next_has_not(app: Flask) -> None:
    with app.app_context(), db.engine.connect() as connection:
        deadline = connection.connection.driver_connection.deadline
        with connection.begin():
            lift_time_limit(connection)
            connection.execute(text("SELECT 1"))
            assert deadline.at == float("inf")
        connection.execute(text("SELECT 1"))
        assert deadline.at < float("inf")


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
def test_rows_that_are_read_slowly_are_not_cut_off(app: Flask) -> None:
    """A download lasts as long as its reader takes: only the time in which the database works counts."""
    with app.app_context():
        rows = db.session.execute(text(ENDLESS.format(most=200_000).replace("max(i)", "i")))
        deadline = db.session.connection().connection.driver_connection.deadline
        for number, _ in enumerate(rows):
            if number % 50_000 == 0:
                deadline.at = 0.0  # the reader has been away for long
        assert number == 199_999


def test_an_export_that_finds_no_room_is_507(
    signed_in: FlaskClient, build: Builder, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    build.create_batch(owner)

    def no_room(*_: object, **__: object) -> None:
        raise FileCreateError(NO_ROOM)

    monkeypatch.setattr("portal.web.spreadsheets.Workbook", no_room)
    answer = signed_in.get("/batches/export.xlsx")
    assert (answer.status_code, "disk is full" in answer.text) == (507, True)
    assert "Content-Disposition" not in answer.headers


def test_an_upload_that_finds_no_room_is_507(
    call_api: Callable, api: Callable, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(*_: object, **__: object) -> None:
        raise NO_ROOM

    monkeypatch.setattr("werkzeug.wrappers.request.default_stream_factory", no_room)
    form = {"userId": owner.id, "batchName": "File", "callingNumbers": '["+12025550100"]'}
    data = form | {"file": (io.BytesIO(b"phoneNumber\n+12025550101\n"), "a.csv")}
    answer = call_api("upload", method="POST", data=data, content_type="multipart/form-data")
    assert (answer.status_code, answer.json["code"]) == (507, 507)
    assert api().status_code == 404


def test_a_file_that_is_missing_is_our_own_fault(api: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: object) -> None:
        raise FileNotFoundError(errno.ENOENT, "No such file")

    monkeypatch.setattr("portal.accounts.query.find_caller", missing)
    assert api().status_code == 500

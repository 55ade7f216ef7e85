"""The audit trail: what it holds, in which order, how it is filtered, and what an export leaves in it."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from sqlalchemy.exc import DBAPIError

from portal.audit import account_log, query
from portal.audit.batch_log import log_batch_event as record_change
from portal.audit.parameters import AuditCursor, AuditParameters
from portal.audit.presenter import audit_entry_view
from portal.db.transactions import write_transaction
from portal.models import AccountEvent, AccountLogEntry, Batch, BatchEvent, Channel, User
from portal.models.actor import Actor
from tests.support.builders import Builder

MAY_2025 = 1_746_057_600_000  # 2025-05-01T00:00:00.000Z
DAY = 86_400_000


@pytest.fixture
def write(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Writes an event of an account, or a change of a batch, at a moment."""

    def at(ms: int, what: AccountEvent | BatchEvent, **how: Any) -> None:
        monkeypatch.setattr("portal.audit.account_log.now_ms", lambda: ms)
        monkeypatch.setattr("portal.audit.batch_log.now_ms", lambda: ms)
        with app.app_context(), write_transaction() as session:
            if isinstance(what, AccountEvent):
                account_log.log_account_event(session, what, **({"subject_key": None, "by": None} | how))
            else:
                record_change(session, how["by"], what, {how["batch"].key: how.get("details", {})})
        monkeypatch.undo()

    return at


@pytest.fixture
def batch(build: Builder, owner: User) -> Batch:
    """A batch of the owner's."""
    return build.create_batch(owner, "Marker")


@pytest.fixture
def filled(write: Callable[..., None], owner: User, stranger: User, batch: Batch) -> None:
    """Ten entries on ten days, of accounts and batches in turn; the owner's are the even ones."""
    by = Actor(owner.key, Channel.PAGE)
    for day in range(10):
        if day % 2:
            write(MAY_2025 + day * DAY, AccountEvent.DISABLED, subject_key=stranger.key)
        elif day % 4:
            write(
                MAY_2025 + day * DAY, BatchEvent.RENAMED, by=by, batch=batch, details={"from": "Marker", "to": "Other"}
            )
        else:
            write(MAY_2025 + day * DAY, AccountEvent.TOKEN_MADE, subject_key=owner.key, by=by, details={"name": "sync"})


def days(rows: Any) -> list[int]:
    return [(row.at - MAY_2025) // DAY for row in rows]


def test_parts_hold_every_entry_once_whatever_is_written_meanwhile(
    app: Flask, write: Callable[..., None], filled: None, owner: User, batch: Batch
) -> None:
    seen: list[int] = []
    before: AuditCursor | None = None
    while True:
        with app.app_context():
            part = query.fetch_audit_page(AuditParameters(limit=3, before=before))
        seen += days(part.rows)
        before = part.older
        if before is None:
            break
        write(MAY_2025 + 99 * DAY, AccountEvent.CHANGED, subject_key=owner.key)
        write(MAY_2025 + 99 * DAY, BatchEvent.DELETED, by=Actor(owner.key, Channel.PAGE), batch=batch, details={})
    assert seen[:10] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]  # then, from before them, that the two accounts were made
    assert 99 not in seen
    assert len(seen) == 12


@pytest.mark.parametrize(
    ("asked", "held"),
    [
        ("user=owner@example.com", [8, 6, 4, 2, 0]),
        ("user=STRANGER@example.com", [9, 7, 5, 3, 1]),
        ("what=renamed", [6, 2]),
        ("what=disabled", [9, 7, 5, 3, 1]),
        ("what=restored", []),
        ("from=2025-05-04&to=2025-05-06", [5, 4, 3]),
        ("to=2025-05-01", [0]),
        ("user=owner@example.com&what=token-made&from=2025-05-02", [8, 4]),
    ],
)
def test_filters(as_admin: FlaskClient, filled: None, asked: str, held: list[int]) -> None:
    """On the page and in the file alike; the admin's own sign-in is of another year."""
    asked += "" if "to=" in asked else "&to=2025-05-31"
    for headers in ({}, {"HX-Request": "true"}):
        page = as_admin.get(f"/admin/trail?{asked}", headers=headers)
        assert page.status_code == 200
        shown = re.findall(r'<td class="col-since">.*?datetime="2025-05-(\d\d)', page.text)
        assert [int(day) - 1 for day in shown] == held
    file = as_admin.get(f"/admin/trail/export.csv?{asked}")
    rows = list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert [int(row["at"][8:10]) - 1 for row in rows] == held


def test_a_long_file_is_whole(app: Flask, as_admin: FlaskClient, owner: User) -> None:
    """More than is fetched at a time: the request's own connection is gone before its end."""
    with app.app_context(), write_transaction() as session:
        for _ in range(1200):
            account_log.log_account_event(session, AccountEvent.CHANGED, subject_key=owner.key, by=None)
    file = as_admin.get("/admin/trail/export.csv?what=changed")
    assert len(list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"))))) == 1200


def test_an_id_stands_for_its_account(as_admin: FlaskClient, filled: None, owner: User) -> None:
    by_id, by_email = (as_admin.get(f"/admin/trail?to=2025-05-31&user={user}").text for user in (owner.id, owner.email))
    assert by_id.count("<tr>") == by_email.count("<tr>") == 6


@pytest.mark.parametrize(
    ("asked", "problem"),
    [
        ("user=nobody@example.com", "user must be the e-mail address of an account, or its id"),
        ("user=%00", "user must not hold a control character"),
        ("what=nonsense", "what must be one of added, changed"),
        ("from=yesterday", "from must be an ISO date"),
        ("before=1", "before must be a place in the trail"),
        ("before=99999999999999999999.1", "before must be a place in the trail"),
        ("limit=101", "limit must be between 1 and 100"),
    ],
)
def test_a_wrong_value_is_named(as_admin: FlaskClient, asked: str, problem: str) -> None:
    page = as_admin.get(f"/admin/trail?{asked}")
    assert page.status_code == 400
    assert problem in page.text
    if not asked.startswith(("before", "limit")):
        assert as_admin.get(f"/admin/trail/export.csv?{asked}").status_code == 400


def test_links_to_older_and_newest_keep_the_filters(as_admin: FlaskClient, filled: None) -> None:
    page = as_admin.get("/admin/trail?user=stranger@example.com&limit=2").text
    older = re.search(r'id="older"[^>]* href="([^"]+)"', page)[1].replace("&amp;", "&")
    assert "user=stranger%40example.com" in older
    page = as_admin.get(older).text
    assert re.findall(r'<td class="col-since">.*?datetime="(2025-05-\d\d)', page) == ["2025-05-06", "2025-05-04"]
    assert 'id="newest"' in page


def test_the_file_says_what_the_page_says(as_admin: FlaskClient, filled: None, batch: Batch) -> None:
    file = as_admin.get("/admin/trail/export.csv?to=2025-05-05")
    assert file.content_type == "text/csv; charset=utf-8"
    rows = list(csv.reader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert rows[0] == ["at", "what", "details", "by", "account", "token", "way", "address", "batchId"]
    owner, stranger = "owner@example.com", "stranger@example.com"
    assert rows[1:4] == [
        ["2025-05-05T00:00:00.000Z", "token-made", "name sync", owner, owner, "", "page", "", ""],
        ["2025-05-04T00:00:00.000Z", "disabled", "", "the command line", stranger, "", "command", "", ""],
        ["2025-05-03T00:00:00.000Z", "renamed", "", owner, "", "", "page", "", batch.id],
    ]


def test_taking_the_trail_away_is_an_entry(as_admin: FlaskClient, admin: User, entries: Callable) -> None:
    assert as_admin.head("/admin/trail/export.csv").status_code == 200
    assert entries() == []
    assert as_admin.get("/admin/trail/export.csv").status_code == 200
    (entry,) = entries()
    assert (entry.what, entry.doer, entry.details) == ("exported", admin.email, {"kind": "trail"})


def test_a_user_sees_what_was_done_to_their_own_account(
    app: Flask, signed_in: FlaskClient, write: Callable[..., None], owner: User, stranger: User
) -> None:
    for number in range(22):
        write(MAY_2025 + number, AccountEvent.CHANGED, subject_key=owner.key, by=Actor(owner.key, Channel.PAGE))
    write(
        MAY_2025,
        AccountEvent.PASSWORD,
        subject_key=owner.key,
        by=Actor(stranger.key, Channel.PAGE, None, "203.0.113.7"),
    )
    write(MAY_2025, AccountEvent.DISABLED, subject_key=stranger.key, by=Actor(owner.key, Channel.PAGE))
    with app.app_context():
        views = [audit_entry_view(row) for row in query.recent_account_events(owner.key)]
    assert len(views) == 20
    assert (views[0].what, views[0].manner) == ("New password", "stranger@example.com, web app, 203.0.113.7")
    assert {(view.what, view.manner) for view in views[1:]} == {("Account changed", "web app")}
    page = signed_in.get("/settings/account").text
    assert "stranger@example.com, web app, 203.0.113.7" in page
    assert "Disabled" not in page


def test_every_word_of_the_trail_can_be_told(
    app: Flask,
    as_admin: FlaskClient,
    write: Callable[..., None],
    owner: User,
    batch: Batch,
) -> None:
    details = {"from": "active", "to": "paused", "added": 2, "calls": 3}
    for event in AccountEvent:
        write(MAY_2025, event, subject_key=owner.key, address="203.0.113.7", details={"second_factor": True})
    for what in BatchEvent:
        write(MAY_2025, what, by=Actor(owner.key, Channel.PAGE), batch=batch, details=details)
    page = as_admin.get("/admin/trail?limit=100&to=2025-05-31")
    assert page.status_code == 200
    assert page.text.count("<tr>") == 1 + len(AccountEvent) + len(BatchEvent)
    assert "Marker" not in page.text


def test_nobody_alters_an_entry(app: Flask, filled: None) -> None:
    with app.app_context(), pytest.raises(DBAPIError, match="never altered"), write_transaction() as session:
        session.execute(update(AccountLogEntry).values(address=""))


# --- phone numbers taken away -----------------------------------------------------------------------------------------


@pytest.fixture
def with_calls(build: Builder, owner: User) -> Batch:
    """A batch of two calls."""
    batch = build.create_batch(owner, total_calls=2)
    build.create_call(batch, phone_number="+12025550101")
    build.create_call(batch, phone_number="+12025550102")
    return batch


@pytest.mark.parametrize(
    ("path", "rows"), [("calls.csv", 2), ("calls.xlsx", 2), ("calls.csv?search=50101", None), ("calls.csv?page=2", 2)]
)
def test_an_export_on_a_page_is_written_down(
    signed_in: FlaskClient,
    owner: User,
    with_calls: Batch,
    entries: Callable,
    path: str,
    rows: int | None,
) -> None:
    assert signed_in.get(f"/batches/{with_calls.id}/{path}").status_code == 200
    (entry,) = entries()
    assert (entry.what, entry.doer, entry.subject, entry.way, entry.address, entry.token) == (
        "exported",
        owner.email,
        owner.email,
        "page",
        "127.0.0.1",
        None,
    )
    told = {"kind": "calls", "batch": with_calls.id}
    assert entry.details == (told if rows is None else told | {"rows": rows})


def test_an_export_by_the_api_is_written_down_with_its_token(
    call_api: Callable[..., Any],
    with_calls: Batch,
    entries: Callable,
) -> None:
    assert call_api("export/csv", method="HEAD", query_string={"batchId": with_calls.id}).status_code == 200
    assert entries() == []
    answer = call_api("export/csv", query_string={"batchId": with_calls.id})
    assert answer.status_code == 200
    assert "+12025550101" in answer.text
    (entry,) = entries()
    assert (entry.what, entry.way, entry.token) == ("exported", "api", "test")
    assert entry.details == {"kind": "calls", "batch": with_calls.id, "rows": 2}


def test_what_holds_no_numbers_or_was_refused_is_not(
    signed_in: FlaskClient,
    call_api: Callable[..., Any],
    with_calls: Batch,
    entries: Callable,
) -> None:
    assert signed_in.get("/batches/export.csv").status_code == 200
    assert call_api("export/csv").status_code == 200
    assert signed_in.get(f"/batches/{'0' * 24}/calls.csv").status_code == 404
    assert call_api("export/csv", query_string={"batchId": with_calls.id, "page": 1}).status_code == 400
    assert entries() == []

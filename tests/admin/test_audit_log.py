"""The audit log: its entries, their order, the filters, and the entries of exports."""

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
from portal.audit.batch_log import log_batch_event
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
    """Write an entry of an account or a batch with a given time."""

    def write_at(ms: int, event: AccountEvent | BatchEvent, **fields: Any) -> None:
        monkeypatch.setattr("portal.audit.account_log.now_ms", lambda: ms)
        monkeypatch.setattr("portal.audit.batch_log.now_ms", lambda: ms)
        with app.app_context(), write_transaction() as session:
            if isinstance(event, AccountEvent):
                account_log.log_account_event(session, event, **({"subject_key": None, "by": None} | fields))
            else:
                log_batch_event(session, fields["by"], event, {fields["batch"].key: fields.get("details", {})})
        monkeypatch.undo()

    return write_at


@pytest.fixture
def batch(build: Builder, owner: User) -> Batch:
    """A batch of the owner."""
    return build.create_batch(owner, "Marker")


@pytest.fixture
def ten_entries(write: Callable[..., None], owner: User, stranger: User, batch: Batch) -> None:
    """Ten entries on ten days, alternately of accounts and batches; the even ones are the owner's."""
    by = Actor(owner.key, Channel.PAGE)
    for day in range(10):
        if day % 2:
            write(MAY_2025 + day * DAY, AccountEvent.DISABLED, subject_key=stranger.key)
        elif day % 4:
            write(
                MAY_2025 + day * DAY, BatchEvent.RENAMED, by=by, batch=batch, details={"from": "Marker", "to": "Other"}
            )
        else:
            write(
                MAY_2025 + day * DAY, AccountEvent.TOKEN_CREATED, subject_key=owner.key, by=by, details={"name": "sync"}
            )


def days(rows: Any) -> list[int]:
    return [(row.at - MAY_2025) // DAY for row in rows]


def test_pages_show_every_entry_once_while_new_ones_are_written(
    app: Flask, write: Callable[..., None], ten_entries: None, owner: User, batch: Batch
) -> None:
    seen: list[int] = []
    before: AuditCursor | None = None
    while True:
        with app.app_context():
            page = query.fetch_audit_page(AuditParameters(limit=3, before=before))
        seen += days(page.rows)
        before = page.older
        if before is None:
            break
        write(MAY_2025 + 99 * DAY, AccountEvent.CHANGED, subject_key=owner.key)
        write(MAY_2025 + 99 * DAY, BatchEvent.DELETED, by=Actor(owner.key, Channel.PAGE), batch=batch, details={})
    assert seen[:10] == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]  # the older two are the creation of the accounts
    assert 99 not in seen
    assert len(seen) == 12


@pytest.mark.parametrize(
    ("query_string", "expected_days"),
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
def test_filters(as_admin: FlaskClient, ten_entries: None, query_string: str, expected_days: list[int]) -> None:
    """Page and export agree. The admin's own sign-in is in another year."""
    query_string += "" if "to=" in query_string else "&to=2025-05-31"
    for headers in ({}, {"HX-Request": "true"}):
        page = as_admin.get(f"/admin/trail?{query_string}", headers=headers)
        assert page.status_code == 200
        shown = re.findall(r'<td class="col-since">.*?datetime="2025-05-(\d\d)', page.text)
        assert [int(day) - 1 for day in shown] == expected_days
    file = as_admin.get(f"/admin/trail/export.csv?{query_string}")
    rows = list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"))))
    assert [int(row["at"][8:10]) - 1 for row in rows] == expected_days


def test_a_long_export_is_complete(app: Flask, as_admin: FlaskClient, owner: User) -> None:
    """The export continues after the request's own connection is released."""
    with app.app_context(), write_transaction() as session:
        for _ in range(1200):
            account_log.log_account_event(session, AccountEvent.CHANGED, subject_key=owner.key, by=None)
    file = as_admin.get("/admin/trail/export.csv?what=changed")
    assert len(list(csv.DictReader(io.StringIO(file.data.decode("utf-8-sig"))))) == 1200


def test_the_user_filter_accepts_an_id(as_admin: FlaskClient, ten_entries: None, owner: User) -> None:
    by_id, by_email = (as_admin.get(f"/admin/trail?to=2025-05-31&user={user}").text for user in (owner.id, owner.email))
    assert by_id.count("<tr>") == by_email.count("<tr>") == 6


@pytest.mark.parametrize(
    ("query_string", "problem"),
    [
        ("user=unknown@example.com", "user must be the email address or id of an account"),
        ("user=%00", "user must not hold a control character"),
        ("what=nonsense", "what must be one of added, changed"),
        ("from=yesterday", "from must be an ISO date"),
        ("before=1", "before must come from a link to older entries"),
        ("before=99999999999999999999.1", "before must come from a link to older entries"),
        ("limit=101", "limit must be between 1 and 100"),
    ],
)
def test_an_invalid_value_is_named(as_admin: FlaskClient, query_string: str, problem: str) -> None:
    page = as_admin.get(f"/admin/trail?{query_string}")
    assert page.status_code == 400
    assert problem in page.text
    if not query_string.startswith(("before", "limit")):
        assert as_admin.get(f"/admin/trail/export.csv?{query_string}").status_code == 400


def test_links_to_older_and_newest_keep_the_filters(as_admin: FlaskClient, ten_entries: None) -> None:
    page = as_admin.get("/admin/trail?user=stranger@example.com&limit=2").text
    older = re.search(r'id="older"[^>]* href="([^"]+)"', page)[1].replace("&amp;", "&")
    assert "user=stranger%40example.com" in older
    page = as_admin.get(older).text
    assert re.findall(r'<td class="col-since">.*?datetime="(2025-05-\d\d)', page) == ["2025-05-06", "2025-05-04"]
    assert 'id="newest"' in page


def test_the_export_agrees_with_the_page(as_admin: FlaskClient, ten_entries: None, batch: Batch) -> None:
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


def test_exporting_the_audit_log_is_logged(as_admin: FlaskClient, admin: User, entries: Callable) -> None:
    assert as_admin.head("/admin/trail/export.csv").status_code == 200
    assert entries() == []
    assert as_admin.get("/admin/trail/export.csv").status_code == 200
    (entry,) = entries()
    assert (entry.what, entry.actor, entry.details) == ("exported", admin.email, {"kind": "audit log"})


def test_users_see_the_activity_of_their_own_account(
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
    assert (views[0].event, views[0].source) == ("Password changed", "stranger@example.com, web app, 203.0.113.7")
    assert {(view.event, view.source) for view in views[1:]} == {("Account changed", "web app")}
    page = signed_in.get("/settings/account").text
    assert "stranger@example.com, web app, 203.0.113.7" in page
    assert "Account disabled" not in page


def test_every_event_can_be_shown(
    app: Flask,
    as_admin: FlaskClient,
    write: Callable[..., None],
    owner: User,
    batch: Batch,
) -> None:
    details = {"from": "active", "to": "paused", "added": 2, "calls": 3}
    for event in AccountEvent:
        write(MAY_2025, event, subject_key=owner.key, address="203.0.113.7", details={"second_factor": True})
    for event in BatchEvent:
        write(MAY_2025, event, by=Actor(owner.key, Channel.PAGE), batch=batch, details=details)
    page = as_admin.get("/admin/trail?limit=100&to=2025-05-31")
    assert page.status_code == 200
    assert page.text.count("<tr>") == 1 + len(AccountEvent) + len(BatchEvent)
    assert "Marker" not in page.text


def test_entries_cannot_be_changed(app: Flask, ten_entries: None) -> None:
    with app.app_context(), pytest.raises(DBAPIError, match="never altered"), write_transaction() as session:
        session.execute(update(AccountLogEntry).values(address=""))


# --- exports of phone numbers -----------------------------------------------------------------------------------------


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
def test_an_export_on_a_page_is_logged(
    signed_in: FlaskClient,
    owner: User,
    with_calls: Batch,
    entries: Callable,
    path: str,
    rows: int | None,
) -> None:
    assert signed_in.get(f"/batches/{with_calls.id}/{path}").status_code == 200
    (entry,) = entries()
    assert (entry.what, entry.actor, entry.subject, entry.way, entry.address, entry.token) == (
        "exported",
        owner.email,
        owner.email,
        "page",
        "127.0.0.1",
        None,
    )
    details = {"kind": "calls", "batch": with_calls.id}
    assert entry.details == (details if rows is None else details | {"rows": rows})


def test_an_export_by_the_api_is_logged_with_its_token(
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


def test_exports_without_numbers_and_refused_exports_are_not_logged(
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

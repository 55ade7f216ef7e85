"""Headers of the list: contract, section 4."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import delete, update

from portal.db.transactions import write_transaction
from portal.models import Batch, User
from portal.times import now_ms
from tests.support.builders import Builder


def test_links_include_the_other_parameters(api: Callable, build: Builder, owner: User) -> None:
    for _ in range(5):
        build.create_batch(owner, "a & b", status="active")
    answer = api("?limit=2&page=2&search=a+%26+b&status=active,paused&createdFrom=2025-01-01&sortOrder=asc")
    path = f"/api/call/batches/{owner.id}"
    rest = "limit=2&search=a+%26+b&status=active,paused&createdFrom=2025-01-01&sortOrder=asc"
    assert answer.headers["Link"] == ", ".join(
        f'<{path}?page={page}&{rest}>; rel="{rel}"'
        for page, rel in ((1, "first"), (1, "prev"), (3, "next"), (3, "last"))
    )


def test_links_on_the_first_and_last_page(api: Callable, build: Builder, owner: User) -> None:
    for _ in range(3):
        build.create_batch(owner)
    rels = {
        page: [
            part.rpartition('"')[0].rpartition('"')[2]
            for part in api(f"?limit=2&page={page}").headers["Link"].split(", ")
        ]
        for page in (1, 2, 9)
    }
    assert rels == {1: ["first", "next", "last"], 2: ["first", "prev", "last"], 9: ["first", "prev", "last"]}
    assert '?page=2&limit=2>; rel="prev"' in api("?limit=2&page=9").headers["Link"]


def test_a_poller_gets_304_until_the_list_changes(api: Callable, build: Builder, owner: User) -> None:
    build.create_batch(owner)
    first = api()
    assert first.headers["Cache-Control"] == "private, no-cache"
    tag = first.headers["ETag"]
    again = api(headers={"If-None-Match": tag})
    assert again.status_code == 304
    assert again.data == b""
    assert again.headers["ETag"] == tag
    assert again.headers["Cache-Control"] == "private, no-cache"
    build.create_batch(owner)
    changed = api(headers={"If-None-Match": tag})
    assert changed.status_code == 200
    assert changed.headers["ETag"] != tag


@pytest.mark.parametrize("wrapped", ["W/{}", '"other", {}'])
def test_if_none_match_accepts_weak_tags_and_lists(api: Callable, build: Builder, owner: User, wrapped: str) -> None:
    build.create_batch(owner)
    tag = api().headers["ETag"]
    assert api(headers={"If-None-Match": wrapped.format(tag)}).status_code == 304
    assert api(headers={"If-None-Match": "nonsense"}).status_code == 200


@pytest.mark.parametrize(
    "change",
    [
        {"name": "renamed"},
        {"status": "stopped"},
        {"total_calls": 5},
        {"updated_at": 1},
        {"deleted": True},
        "delete",
        "insert",
    ],
    ids=str,
)
def test_every_change_changes_the_etag(app: Flask, api: Callable, build: Builder, owner: User, change: object) -> None:
    batch = build.create_batch(owner)
    build.create_batch(owner)
    tag = api().headers["ETag"]
    if change == "insert":
        build.create_batch(owner)
    else:
        with app.app_context(), write_transaction() as session:
            if change == "delete":
                session.execute(delete(Batch).where(Batch.key == batch.key))
            else:
                values = {"deleted_at": now_ms(), "deleted_by_key": owner.key} if "deleted" in change else change
                session.execute(update(Batch).where(Batch.key == batch.key).values(**values))
    assert api(headers={"If-None-Match": tag}).status_code == 200


def test_a_strangers_change_does_not_change_the_etag(
    api: Callable, build: Builder, owner: User, stranger: User
) -> None:
    build.create_batch(owner)
    tag = api().headers["ETag"]
    build.create_batch(stranger)
    assert api(headers={"If-None-Match": tag}).status_code == 304


def test_errors_have_no_etag_and_are_not_stored(api: Callable, build: Builder, owner: User) -> None:
    answer = api()
    assert answer.status_code == 404
    assert "ETag" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    build.create_batch(owner)
    tag = api().headers["ETag"]
    assert api("?limit=0", headers={"If-None-Match": tag}).status_code == 400

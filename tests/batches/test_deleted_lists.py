"""Lists of deleted batches: `deleted` in the API, in exports and on the page; contract, section 1."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from portal.models import Batch, User
from tests.batches.lists import names, total
from tests.support.builders import MAY_2025, Builder
from tests.support.pages import extract_text, send_form

LIVE_KEYS = [
    "_id",
    "batchName",
    "totalCalls",
    "callsPicked",
    "callsCompleted",
    "queue_status",
    "createdAt",
    "updatedAt",
]


@pytest.fixture
def batches(build: Builder, owner: User, stranger: User) -> list[Batch]:
    """Create three live and two deleted batches of the owner in turn, and a deleted one of a stranger."""
    build.create_batch(stranger, "Theirs", deleted=True)
    return [build.create_batch(owner, f"Round {number}", deleted=number in (2, 4)) for number in range(1, 6)]


VIEWS = (
    ("", "531", 3),
    ("?deleted=", "531", 3),
    ("?deleted=exclude", "531", 3),
    ("?deleted=only", "42", 2),
    ("?deleted=include", "54321", 5),
    ("?deleted=include&limit=2&page=2", "32", 5),
    ("?deleted=include&limit=2&page=4", "", 5),
    ("?deleted=include&sortBy=batchName&sortOrder=asc&limit=3", "123", 5),
    ("?deleted=only&search=round+4", "4", 1),
    ("?deleted=include&search=pend&status=pending", "54321", 5),
    ("?deleted=only&status=active", "", 0),
    ("?deleted=only&search=theirs", "", 0),
)


@pytest.mark.usefixtures("batches")
def test_a_list_with_deleted_batches(api: Callable) -> None:
    for query, found, count in VIEWS:
        answer = api(query)
        assert answer.status_code == 200
        assert ("".join(name[-1] for name in names(answer)), total(answer)) == (found, count), query


@pytest.mark.usefixtures("batches")
def test_only_deleted_batches_have_the_time_of_deletion_as_last_key(api: Callable) -> None:
    rows = api("?deleted=include").json["data"]["batches"]
    assert [list(row) for row in rows] == [[*LIVE_KEYS, "deletedAt"] if name in "24" else LIVE_KEYS for name in "54321"]
    assert rows[1]["deletedAt"] == rows[1]["createdAt"]  # the builder deletes at once


def test_deleted_batches_alone_answer_404_unless_asked_for(api: Callable, build: Builder, owner: User) -> None:
    assert api("?deleted=only").status_code == 404
    build.create_batch(owner, "Gone", deleted=True)
    assert api().status_code == 404
    for deleted in ("only", "include"):
        assert api(f"?deleted={deleted}").status_code == 200
        assert api(f"?deleted={deleted}&search=nothing").status_code == 404


def test_an_empty_trash_is_an_empty_list(api: Callable, build: Builder, owner: User) -> None:
    build.create_batch(owner, "Live")
    answer = api("?deleted=only")
    assert (answer.status_code, total(answer)) == (200, 0)


def test_every_change_of_the_trash_changes_the_tag(api: Callable, call_api: Callable, batches: list[Batch]) -> None:
    def is_unchanged(tag: str) -> bool:
        return api("?deleted=only", headers={"If-None-Match": tag}).status_code == 304

    tag = api("?deleted=only").headers["ETag"]
    assert is_unchanged(tag)
    for method, path in (("DELETE", "delete-batch"), ("POST", "restore-batch")):
        assert call_api(f"{path}/{batches[0].id}", method=method).status_code == 200
        assert not is_unchanged(tag)
        tag = api("?deleted=only").headers["ETag"]


@pytest.mark.usefixtures("batches")
def test_an_export_has_the_time_of_deletion_if_asked_for(call_api: Callable) -> None:
    def exported(query: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(call_api(f"export/csv{query}").text.lstrip("\ufeff"))))

    assert exported("")[0] == LIVE_KEYS
    header, *rows = exported("?deleted=include")
    assert header == [*LIVE_KEYS, "deletedAt"]
    assert [row[1][-1] + ("x" if row[-1] else "") for row in rows] == ["5", "4x", "3", "2x", "1"]
    assert [row[1][-1] for row in exported("?deleted=only&limit=1")[1:]] == ["4"]


def test_the_page_offers_to_restore_deleted_batches_only(signed_in: FlaskClient, batches: list[Batch]) -> None:
    page = signed_in.get("/batches?deleted=include").text
    for batch in batches:
        is_deleted = batch.deleted_at is not None
        assert (f'href="/batches/{batch.id}"' in page) is not is_deleted
        assert (f'id="select-{batch.id}"' in page) is not is_deleted
        assert (f'aria-label="Restore {batch.name}"' in page) is is_deleted
    assert "With deleted 5" in extract_text(page)
    answer = send_form(signed_in, "/batches/restore", id=batches[1].id, back="/batches?deleted=include")
    assert answer.location == "/batches?deleted=include"
    assert f'href="/batches/{batches[1].id}"' in signed_in.get("/batches?deleted=include").text


def test_the_page_without_live_batches_shows_the_trash(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    assert "There are no deleted batches" in extract_text(signed_in.get("/batches?deleted=only").text)
    build.create_batch(owner, "Gone", deleted=True, deleted_at=MAY_2025)
    page = extract_text(signed_in.get("/batches?deleted=only").text)
    assert "Gone Deleted 1 May 2025 Restore" in page
    answer = signed_in.get("/batches?deleted=maybe")
    assert answer.status_code == 400
    assert "deleted must be one of exclude, only, include" in extract_text(answer.text)

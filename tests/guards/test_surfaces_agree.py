"""Pages, API and exports show the owner's live batches and no others."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.batches import query as batches_query
from portal.batches.parameters import BatchListParameters
from portal.calls import query as calls_query
from portal.models import Batch, User
from portal.times import now_ms
from tests.support.builders import Builder, state_of

HTMX = {"HX-Request": "true"}


@pytest.fixture
def live(build: Builder, owner: User) -> set[str]:
    """Return the ids of the owner's live batches."""
    return {build.create_batch(owner, "marker live", status="active").id for _ in range(3)}


@pytest.fixture
def hidden(build: Builder, owner: User, stranger: User, live: set[str]) -> list[Batch]:
    """Return a deleted batch and a stranger's batch, each with a call, which must not be shown anywhere."""
    batches = [
        build.create_batch(owner, "marker buried", deleted=True, status="active", total_calls=1),
        build.create_batch(stranger, "marker buried", status="active", total_calls=1),
    ]
    for batch in batches:
        build.create_call(batch, phone_number="+12015550199")
    return batches


def ids_in(html: str) -> set[str]:
    return set(re.findall(r"/batches/([0-9a-f]{24})", html))


def exported(answer: Any) -> set[str]:
    """Return the ids in an exported list."""
    assert answer.status_code == 200
    return {row["_id"] for row in csv.DictReader(io.StringIO(answer.data.decode("utf-8-sig")))}


@pytest.mark.parametrize("query", ["", "?search=marker", "?status=active", "?search=marker&status=active&limit=100"])
def test_surfaces_agree(
    app: Flask,
    signed_in: FlaskClient,
    api: Callable,
    call_api: Callable,
    owner: User,
    live: set[str],
    hidden: list[Batch],
    query: str,
) -> None:
    page = signed_in.get(f"/batches{query}")
    fragment = signed_in.get(f"/batches{query}", headers=HTMX)
    data = api(query).json["data"]
    assert ids_in(page.text) == ids_in(fragment.text) == {batch["_id"] for batch in data["batches"]} == live
    assert data["pagination"]["total"] == len(live)
    assert exported(signed_in.get(f"/batches/export.csv{query}")) == live
    assert exported(call_api("export/csv", query_string=query.removeprefix("?").replace("&limit=100", ""))) == live
    with app.app_context():
        counts = batches_query.status_counts(BatchListParameters().to_list_query(state_of(owner)))
    assert counts == {"active": len(live), "paused": 0, "pending": 0, "stopped": 0, "completed": 0}
    for html in (page.text, fragment.text):
        assert "1–3 of 3" in html
        assert "buried" not in html


def test_search_finds_no_hidden_batches(
    signed_in: FlaskClient, api: Callable, live: set[str], hidden: list[Batch]
) -> None:
    assert api("?search=buried").json["data"]["pagination"]["total"] == 0
    for headers in ({}, HTMX):
        assert ids_in(signed_in.get("/batches?search=buried", headers=headers).text) == set()


def test_a_hidden_batch_and_its_calls_cannot_be_opened(
    app: Flask, signed_in: FlaskClient, call_api: Callable, owner: User, live: set[str], hidden: list[Batch]
) -> None:
    for batch in hidden:
        for path in ("changes", "rename", "settings", "duplicate", "calls.csv", "calls.xlsx"):
            assert signed_in.get(f"/batches/{batch.id}/{path}").status_code == 404
        assert call_api(f"batch-details/{batch.id}").status_code == 404
        assert call_api("export/csv", query_string={"batchId": batch.id}).status_code == 404
    answers = [signed_in.get(f"/batches/{batch.id}") for batch in hidden]
    unknown = signed_in.get(f"/batches/{'0' * 24}")
    invalid = signed_in.get("/batches/nonsense")
    assert [answer.status_code for answer in (*answers, unknown, invalid)] == [404] * 4
    bodies = {re.sub(r"[0-9a-f]{16,}|nonsense", "", answer.text) for answer in (*answers, unknown)}
    assert len({re.sub(r'value="[^"]*"|content="[^"]*"', "", body) for body in bodies}) == 1
    assert all("5550199" not in answer.text for answer in answers)
    with app.app_context():
        for batch in hidden:
            assert batches_query.find_batch(owner.key, batch.id) is None
            page = calls_query.fetch_page(owner.key, batch, calls_query.ALL_CALLS)
            assert (page.total, list(page.rows)) == (0, [])
            assert sum(calls_query.count_statuses(owner.key, batch.id).values()) == 0


@pytest.mark.usefixtures("one_minute")
def test_a_batch_deleted_meanwhile_disappears_everywhere(
    signed_in: FlaskClient, api: Callable, build: Builder, owner: User
) -> None:
    remaining, deleted = build.create_batch(owner), build.create_batch(owner)
    before = signed_in.get("/batches")
    assert ids_in(before.text) == {remaining.id, deleted.id}
    build.change(deleted, deleted_at=now_ms(), deleted_by_key=owner.key)
    after = signed_in.get("/batches", headers={"If-None-Match": before.headers["ETag"]})
    assert after.status_code == 200
    assert ids_in(after.text) == {batch["_id"] for batch in api().json["data"]["batches"]} == {remaining.id}
    assert signed_in.get(f"/batches/{deleted.id}").status_code == 404

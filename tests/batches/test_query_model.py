"""The list query compared with a model that reads every row: all views, pages, lookups and both databases."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from urllib.parse import urlencode

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal.batches import query
from portal.batches.derived import time_buckets
from portal.batches.derived.check import has_name_index
from portal.batches.parameters import BatchListParameters
from portal.batches.query import slices, small_results
from portal.batches.query.list_query import ListQuery
from portal.db.transactions import write_transaction
from portal.live import Deleted
from portal.models import Batch, QueueStatus, User
from portal.models.base import OWNER_SHIFT
from portal.text import fold
from portal.web.pagination import SortOrder
from portal.web.parameters import parse_query
from tests.support.builders import MAY_2025, Builder, state_of
from tests.support.caches import clear_query_caches

ROWS = 600
NAMES = ("Marketing May", "ÉTÉ 100%", "active in name", "a_b", "Zoë", "stop press")
IS_LIVE = {Deleted.EXCLUDE: {True}, Deleted.ONLY: {False}, Deleted.INCLUDE: {True, False}}
HOUR, DAY = 3_600_000, 86_400_000


def rows_of(owner: User) -> list[dict]:
    """Return batches from three years, many created at the same time, a fifth of them deleted."""
    chance = random.Random(5)
    moments = [MAY_2025 - chance.randrange(3 * 365 * DAY) for _ in range(ROWS - 150)]
    moments += [MAY_2025 + chance.randrange(3) for _ in range(150)]
    rows = []
    for number, created_at in enumerate(moments, 1):
        name = f"{chance.choice(NAMES)} {chance.randrange(30)}"
        deleted = chance.random() < 0.2
        rows.append(
            {
                "key": (owner.key << OWNER_SHIFT) + number,
                "id": f"{chance.getrandbits(96):024x}",
                "owner_key": owner.key,
                "name": name,
                "name_folded": fold(name),
                "status": chance.choices(list(QueueStatus), (2, 1, 5, 12, 80))[0],
                "total_calls": chance.randrange(40),
                "calls_called": 0,
                "calls_picked": 0,
                "calls_completed": 0,
                "created_at": created_at,
                "updated_at": created_at + chance.randrange(9) * HOUR,
                "deleted_at": created_at if deleted else None,
                "deleted_by_key": owner.key if deleted else None,
            }
        )
    return rows


@pytest.fixture
def rows(app: Flask, build: Builder, owner: User, stranger: User) -> Iterator[list[dict]]:
    """Insert the owner's rows; a stranger has batches with the same names and times."""
    rows = rows_of(owner)
    with app.app_context():
        with write_transaction() as session:
            session.execute(Batch.__table__.insert(), rows)
        for number in range(20):
            build.create_batch(stranger, NAMES[number % len(NAMES)], created_at=rows[number]["created_at"])
        yield rows


dates = st.none() | st.integers(-3 * 365 - 2, 3).map(lambda days: (date(2025, 5, 1) + timedelta(days=days)).isoformat())

views = st.fixed_dictionaries(
    {
        "page": st.integers(1, 12) | st.just(1_000_000_000),
        "limit": st.sampled_from([1, 7, 50, 100]),
        "search": st.sampled_from(
            ["", "", "", "may", "MAY 1", "été", "%", "_", "a", "zo", "act", "active", "stop", "ed", "none"]
        ),
        "status": st.lists(st.sampled_from([str(status) for status in QueueStatus]), max_size=3).map(",".join),
        "createdFrom": dates,
        "createdTo": dates,
        "sortBy": st.sampled_from(["", "", "createdAt", "updatedAt", "batchName", "totalCalls"]),
        "sortOrder": st.sampled_from(["", "asc", "desc"]),
        "deleted": st.sampled_from(["", "", "exclude", "only", "include"]),
    }
)


def model(
    rows: list[dict], parameters: BatchListParameters, list_query: ListQuery
) -> tuple[list[str], int, dict[str, int]]:
    """Return the ids on the page, the total and the counts per status, by reading every row."""
    first, end = list_query.first, list_query.end
    folded = fold(parameters.search)
    matches = [
        row
        for row in rows
        if (row["deleted_at"] is None) in IS_LIVE[parameters.deleted]
        and first <= row["created_at"] < end
        and (folded in row["name_folded"] or folded in row["status"])
    ]
    counts = {status: sum(row["status"] == status for row in matches) for status in QueueStatus}
    matches = [row for row in matches if not parameters.status or row["status"] in parameters.status]
    column = {
        "createdAt": "created_at",
        "updatedAt": "updated_at",
        "batchName": "name_folded",
        "totalCalls": "total_calls",
    }[parameters.sort_by]
    matches.sort(key=lambda row: (row[column], row["id"]), reverse=parameters.sort_order is SortOrder.DESC)
    begin = (parameters.page - 1) * parameters.limit
    return [row["id"] for row in matches[begin : begin + parameters.limit]], len(matches), counts


@pytest.mark.parametrize("most", [2, 100], ids=["many matches", "few matches"])
@pytest.mark.parametrize("near", [0, 500], ids=["far pages", "near pages"])
@pytest.mark.parametrize("name_index", [True, False], ids=["indexed", "scanned"])
def test_every_view_equals_the_model(
    app: Flask, rows: list[dict], owner: User, near: int, most: int, name_index: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SHORT_OFFSET", near)
    monkeypatch.setattr(small_results, "MAX_SMALL_RESULT", most)
    monkeypatch.setitem(app.extensions, "names_indexed", name_index and has_name_index())
    state = state_of(owner)

    @settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(view=views)
    def agrees(view: dict) -> None:
        clear_query_caches()
        text = urlencode({name: value for name, value in view.items() if value})
        parameters = parse_query(text.encode(), BatchListParameters).or_refuse()
        list_query = parameters.to_list_query(state)
        ids, total, expected = model(rows, parameters, list_query)
        page = query.fetch_page(list_query)
        assert ([row.id for row in page.rows], page.total) == (ids, total)
        assert query.status_counts(list_query) == expected
        counted = query.fetch_counted_page(list_query)
        assert (counted.rows, counted.total, counted.counts) == (page.rows, page.total, expected)

    agrees()


def test_the_pages_together_show_each_batch_once(
    rows: list[dict], owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slices, "SHORT_OFFSET", 20)
    state = state_of(owner)
    every = BatchListParameters().model_copy(update={"limit": ROWS})
    expected, total, _ = model(rows, every, every.to_list_query(state))
    seen = []
    for page in range(1, total // 7 + 2):
        seen += [row.id for row in query.fetch_page(BatchListParameters(page=page, limit=7).to_list_query(state)).rows]
    assert seen == expected


milliseconds = st.integers(-(1 << 46), 1 << 47)


@given(first=milliseconds, length=st.integers(0, 1 << 36))
def test_a_cover_contains_each_moment_once_in_few_spans(first: int, length: int) -> None:
    cover = time_buckets.cover_range(first, first + length)
    ranges = sorted([(a << bits, b << bits) for bits, a, b in cover.spans] + cover.edges)
    assert all(begin < end for begin, end in ranges)
    if length == 0:
        assert ranges == []
    else:
        assert (ranges[0][0], ranges[-1][1]) == (first, first + length)
        assert all(one[1] == next_one[0] for one, next_one in pairwise(ranges))
    assert all(end - begin < 2 << time_buckets.FINE_BITS for begin, end in cover.edges)
    assert sum(b - a for bits, a, b in cover.spans if bits == time_buckets.FINE_BITS) < 512


def test_bucket_counts_include_live_batches_only(app: Flask, rows: list[dict], owner: User) -> None:
    live = [row for row in rows if row["deleted_at"] is None]
    counts = time_buckets.count_spans(owner.key, [(time_buckets.COARSE_BITS, 0, 1 << 40)])
    assert sum(counts.values()) == len(live)

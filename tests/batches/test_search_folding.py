"""Searches find batches and calls however their names are written: in the API, on pages, and on both databases."""

from __future__ import annotations

from collections.abc import Callable

from flask.testing import FlaskClient

from portal.models import User
from tests.support.builders import Builder
from tests.test_text import SAME

PAIRS = SAME[::2]


def test_both_sides_of_a_search_are_folded_alike(
    build: Builder, owner: User, call_api: Callable, signed_in: FlaskClient
) -> None:
    names = [name for pair in PAIRS for name in pair]
    batch = build.create_batch(owner, "Calls", total_calls=len(names))
    for name in names:
        build.create_batch(owner, name.strip())
        build.create_call(batch, fields={"city": name})
    for one, other in PAIRS:
        for stored, searched in ((one, other), (other, one)):
            found = call_api(f"batches/{owner.id}", query_string={"search": searched, "limit": 100}).json["data"]
            assert stored.strip() in {batch["batchName"] for batch in found["batches"]}, (stored, searched)
            page = call_api(f"batch-details/{batch.id}", query_string={"search": searched, "limit": 100}).json["data"]
            assert stored in {call["city"] for call in page["data"]}, (stored, searched)
    for _, searched in PAIRS[::4]:
        for path in ("/batches", f"/batches/{batch.id}"):
            assert "Nothing matches" not in signed_in.get(path, query_string={"search": searched}).text

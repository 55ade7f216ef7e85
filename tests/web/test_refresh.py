"""Refreshes of live pages and the bundles of scripts and styles: what they send, and how much."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.models import Batch, User
from portal.times import now_ms
from portal.version import ROOT
from tests.support.builders import MINUTE, Builder

MAX_REFRESH_BYTES = 8_000
MAX_FIRST_LOAD_BYTES = 120_000


@pytest.fixture
def batch(build: Builder, owner: User) -> Batch:
    """Create an active batch with 100 calls, all of them recent."""
    batch = build.create_batch(owner, "Spring", status="active", total_calls=101, calls_called=100)
    now = now_ms()
    for number in range(100):
        fields = {"name": f"Contact {number}", "city": "Lisbon", "remark": f"Call again about offer {number * 7919}"}
        build.create_call(batch, status="busy", last_event_at=now - number * MINUTE, fields=fields)
    build.create_call(batch)
    return batch


@pytest.fixture
def refresh(signed_in: FlaskClient) -> Callable[..., Any]:
    """Return a function that refreshes a page as the browser does, with the parts of an earlier response."""

    def send(address: str, shown: str = "", etag: str | None = None) -> Any:
        versions = re.findall(r'data-version="(\w+)"', shown)
        headers = {"X-Refresh": " ".join(versions) or "-"} | ({"If-None-Match": etag} if etag else {})
        return signed_in.get(address, headers=headers)

    return send


def changed_parts(html: str) -> set[str]:
    return set(re.findall(r'id="([\w-]+)"[^>]* data-version=', html))


@pytest.mark.usefixtures("one_minute")
def test_a_refresh_sends_only_the_changed_parts(
    signed_in: FlaskClient, refresh: Callable, call_api: Callable, batch: Batch
) -> None:
    address = f"/batches/{batch.id}?limit=100&sortBy=phoneNumber&sortOrder=asc"
    page = signed_in.get(address).text
    first = refresh(address, page)
    assert changed_parts(first.text) == set()
    assert "<html" not in first.text
    assert refresh(address, page, first.headers["ETag"]).status_code == 304

    event = {"eventId": "1", "callId": re.search(r'"call-(\w+)"', page)[1], "callStatus": "completed"}
    assert call_api("call-events", {"events": [event]}).status_code == 200
    second = refresh(address, page, first.headers["ETag"])
    assert second.status_code == 200
    parts = changed_parts(second.text)
    assert len([part for part in parts if part.startswith("call-")]) == 1
    assert {"batch-counts", "batch-outcomes", "chips"} <= parts
    assert not {"calls-head", "calls-foot", "batch-activity"} & parts


def test_relative_times_alone_change_no_part(
    signed_in: FlaskClient, refresh: Callable, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = signed_in.get(f"/batches/{batch.id}?limit=100").text
    later = now_ms() + MINUTE
    monkeypatch.setattr("portal.web.clock.now_ms", lambda: later)
    assert changed_parts(refresh(f"/batches/{batch.id}?limit=100", page).text) == set()
    much_later = now_ms() + 7 * 60 * MINUTE
    monkeypatch.setattr("portal.web.clock.now_ms", lambda: much_later)
    assert len(changed_parts(refresh(f"/batches/{batch.id}?limit=100", page).text)) == 100


@pytest.mark.parametrize("limit", [10, 100])
def test_a_changed_live_page_costs_less_than_8_kb(
    signed_in: FlaskClient, refresh: Callable, call_api: Callable, build: Builder, owner: User, batch: Batch, limit: int
) -> None:
    for number in range(limit):
        build.create_batch(owner, f"Round {number}", status="active", total_calls=number)
    ids = re.findall(r'"call-(\w+)"', signed_in.get(f"/batches/{batch.id}?limit=20").text)
    pages = {address: signed_in.get(address).text for address in (
        f"/batches?sortOrder=asc&limit={limit}", f"/batches/{batch.id}?limit={limit}"
    )}  # fmt: skip
    events = [{"eventId": call_id, "callId": call_id, "callStatus": "completed"} for call_id in ids]
    assert call_api("call-events", {"events": events}).status_code == 200
    for address, page in pages.items():
        answer = refresh(address, page)
        assert changed_parts(answer.text)
        assert len(gzip.compress(answer.data)) < MAX_REFRESH_BYTES


def test_the_first_load_of_the_list_is_small(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    for number in range(10):
        build.create_batch(owner, f"Round {number}", status="active", total_calls=number)
    page = signed_in.get("/batches")
    addresses = re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text)
    assert len([address for address in addresses if ".css" in address]) == 1
    assert len(addresses) <= 5
    size = len(gzip.compress(page.data))
    for address in addresses:
        with signed_in.get(address) as answer:
            size += len(gzip.compress(answer.data))
    assert size < MAX_FIRST_LOAD_BYTES


@pytest.mark.parametrize(("name", "folder"), [("portal.css", "styles"), ("portal.js", "scripts")])
def test_a_bundle_holds_all_its_sources(client: FlaskClient, name: str, folder: str) -> None:
    answer = client.get(f"/static/{name}")
    for path in (ROOT / "static" / folder).iterdir():
        assert path.read_bytes() in answer.data
    assert b"@import" not in answer.data
    assert "max-age=31536000" in answer.headers["Cache-Control"]
    assert client.get(f"/static/{name}", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_a_stopped_batch_refreshes_while_a_call_is_on_the_line(
    app: Flask, signed_in: FlaskClient, build: Builder, owner: User
) -> None:
    batches = {
        status: build.create_batch(owner, status, status=status, total_calls=1)
        for status in ("paused", "stopped", "pending")
    }
    for status, batch in batches.items():
        call = build.create_call(batch, status="dialing" if status == "stopped" else "pending")
        assert ("data-refresh" in signed_in.get(f"/batches/{batch.id}").text) == (status == "stopped")
        if status == "stopped":
            on_line = call
    assert "data-refresh" in signed_in.get("/batches").text
    assert "data-refresh" not in signed_in.get("/batches?status=paused,pending").text
    build.change(on_line, status="busy")
    assert "data-refresh" not in signed_in.get("/batches").text

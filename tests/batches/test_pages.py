"""The list page and the batch page: their content and their cache headers."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.models import Batch, CallStatus, User
from tests.conftest import sign_in
from tests.support.builders import Builder
from tests.support.pages import HTMX, extract_text

RESTORE = {**HTMX, "HX-History-Restore-Request": "true"}
VARY = {"HX-Request", "HX-History-Restore-Request", "Cookie"}

PAGES = [
    "/batches",
    "/batches?page=99",
    "/batches?limit=0",
    "/batches/nonsense",
    "/nowhere",
    "/login",
    "/settings/account",
]


@pytest.fixture
def batches(build: Builder, owner: User) -> list[Batch]:
    return [build.create_batch(owner, f"Round {number}", status="active") for number in range(1, 13)]


def vary(answer: object) -> set[str]:
    return {name.strip() for name in answer.headers["Vary"].split(",")}


@pytest.mark.parametrize("headers", [{}, HTMX, RESTORE], ids=["page", "fragment", "restore"])
@pytest.mark.parametrize("address", PAGES)
@pytest.mark.parametrize("is_signed_in", [True, False], ids=["signed in", "signed out"])
def test_every_response_varies_by_fragment_and_session(
    client: FlaskClient, signed_in: FlaskClient, address: str, headers: dict, is_signed_in: bool
) -> None:
    answer = (signed_in if is_signed_in else client).get(address, headers=headers)
    assert VARY - {"Cookie"} <= vary(answer)
    if is_signed_in:
        assert "Cookie" in vary(answer)
    assert answer.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("one_minute")
def test_page_and_fragment_have_different_etags(signed_in: FlaskClient, batches: list[Batch]) -> None:
    signed_in.get("/batches")  # the first page creates the session's CSRF token, which is part of every page
    forms = {name: signed_in.get("/batches", headers=headers) for name, headers in FORMS.items()}
    tags = {name: answer.headers["ETag"] for name, answer in forms.items()}
    assert tags["page"] == tags["restore"] != tags["fragment"]
    for name, headers in FORMS.items():
        assert forms[name].headers["Cache-Control"] == "no-store"
        for other, tag in tags.items():
            status = signed_in.get("/batches", headers={**headers, "If-None-Match": tag}).status_code
            assert status == (304 if tags[name] == tags[other] else 200)
    not_modified = signed_in.get("/batches", headers={"If-None-Match": tags["page"]})
    assert not_modified.data == b""
    assert vary(not_modified) >= VARY


FORMS = {"page": {}, "fragment": HTMX, "restore": RESTORE}


def test_a_history_restore_gets_the_whole_page(signed_in: FlaskClient, batches: list[Batch]) -> None:
    assert signed_in.get("/batches", headers=RESTORE).text.startswith("<!doctype html>")
    assert signed_in.get("/batches", headers=HTMX).text.lstrip().startswith('<div id="batches"')


def test_the_page_contains_the_fragment(signed_in: FlaskClient, batches: list[Batch]) -> None:
    page, fragment = (
        re.sub('name="csrf_token" value="[^"]*"', "", signed_in.get("/batches?limit=5", headers=headers).text)
        for headers in ({}, HTMX)
    )
    assert fragment.strip() in page


@pytest.mark.usefixtures("one_minute")
def test_the_etag_depends_on_the_users_settings_and_session(
    app: Flask, signed_in: FlaskClient, build: Builder, owner: User, batches: list[Batch]
) -> None:
    tag = signed_in.get("/batches").headers["ETag"]
    build.change(owner, zone="Asia/Tokyo")
    assert signed_in.get("/batches", headers={"If-None-Match": tag}).status_code == 200
    assert sign_in(app, owner).get("/batches", headers={"If-None-Match": tag}).status_code == 200


def test_signed_out_pages_and_fragments_redirect_to_sign_in(client: FlaskClient) -> None:
    page = client.get("/batches?search=may&page=2")
    assert page.status_code == 303
    assert page.location == "/login?next=/batches?search%3Dmay%26page%3D2"
    fragment = client.get("/batches?search=may", headers=HTMX)
    assert fragment.status_code == 401
    assert fragment.headers["HX-Redirect"] == "/login?next=/batches?search%3Dmay"
    assert "<form" not in fragment.text


def test_a_list_without_batches_and_a_list_without_matches(
    app: Flask, signed_in: FlaskClient, build: Builder, owner: User, stranger: User
) -> None:
    build.create_batch(stranger)
    nothing = extract_text(signed_in.get("/batches").text)
    assert "No batches yet" in nothing
    assert "New batch" in nothing
    build.create_batch(owner)
    no_match = extract_text(signed_in.get("/batches?search=nowhere").text)
    assert "No batches match" in no_match
    assert "Clear search" in no_match


def test_the_batch_page_shows_pages_of_calls(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner, "Marketing", total_calls=30)
    for _ in range(30):
        build.create_call(batch)
    first = signed_in.get(f"/batches/{batch.id}")
    assert "1–25 of 30" in extract_text(first.text)
    assert "26–30 of 30" in extract_text(signed_in.get(f"/batches/{batch.id.upper()}?page=2").text)
    assert signed_in.get(f"/batches/{batch.id}?page=7").location == f"/batches/{batch.id}?page=2"
    wrong = signed_in.get(f"/batches/{batch.id}?limit=101")
    assert (wrong.status_code, "limit must be between 1 and 100" in wrong.text) == (400, True)
    assert signed_in.get(f"/batches/{batch.id}", headers=HTMX).text.lstrip().startswith('<section id="calls"')


def test_an_active_batch_outside_its_calling_hours_says_until_when_it_waits(
    signed_in: FlaskClient, api: Callable, build: Builder, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The zone is the batch's, also for a reader in another one."""
    build.change(owner, zone="America/New_York")
    hours = {
        "timezone": "Europe/Paris",
        "callingHour": {"start": "09:00", "end": "17:00"},
        "allowedDays": [1, 2, 3, 4, 5],
    }
    batches = {
        status: build.create_batch(owner, f"The {status} one", status=status, settings=hours)
        for status in ("active", "paused")
    }
    friday = 1_795_802_400_000  # 2026-11-27T18:00:00Z
    monkeypatch.setattr("portal.web.clock.now_ms", lambda: friday)
    for address in ("/batches", f"/batches/{batches['active'].id}"):
        assert "Waiting until Mon 30 Nov, 09:00 (Paris)" in extract_text(signed_in.get(address).text)
    page = extract_text(signed_in.get(f"/batches/{batches['paused'].id}").text)
    assert "Monday to Friday, 09:00 to 17:00, Europe/Paris – opens Mon 30 Nov, 09:00 (Paris)" in page
    assert "Waiting" not in page
    assert [batch["queue_status"] for batch in api().json["data"]["batches"]] == ["paused", "active"]
    monkeypatch.setattr("portal.web.clock.now_ms", lambda: friday - 4 * 3_600_000)
    assert "Waiting" not in signed_in.get("/batches").text


def test_the_legend_and_the_outcomes_use_the_words_of_the_statuses(
    signed_in: FlaskClient, build: Builder, owner: User
) -> None:
    batch = build.create_batch(owner, total_calls=9, calls_called=7, calls_picked=3, calls_completed=1)
    for status in CallStatus:
        build.create_call(batch, status=status)
    page = extract_text(signed_in.get(f"/batches/{batch.id}").text)
    legend = "Completed 1 Picked up, not completed 2 Called, not picked up 4 Not called 2"
    assert legend in page
    for status in CallStatus:
        assert page.count(f"{status.label} 1") >= 1, status


def test_names_are_escaped(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    name = """<script>alert("x")</script> & 'quoted' {{ 7 * 70707 }}"""
    batch = build.create_batch(owner, name)
    for address in ("/batches", f"/batches/{batch.id}", "/batches?search=%3Cscript%3E"):
        html = signed_in.get(address).text
        assert "<script>alert" not in html
        assert "{{ 7 * 70707 }}" in html
        assert "494949" not in html.replace(batch.id, "")

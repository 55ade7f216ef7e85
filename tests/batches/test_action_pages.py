"""Pages that start, pause, resume, stop and delete batches, one or many, and ask for confirmation."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.batches.pages.actions import PageAction
from portal.models import Batch, User
from tests.batches.lists import statuses
from tests.batches.test_transitions import ROWS
from tests.support.builders import Builder
from tests.support.pages import extract_text


@pytest.mark.parametrize(("status", "action", "target"), ROWS)
def test_every_action_on_the_page(
    press: Callable, api: Callable, build: Builder, owner: User, status: str, action: str, target: str
) -> None:
    batch = build.create_batch(owner, "Spring", status=status, total_calls=1)
    build.create_call(batch)
    answer = press("/batches/act", do=action, id=batch.id, back=f"/batches/{batch.id}")
    assert answer.status_code == 200
    if action == "stop":  # asks first
        assert statuses(api) == {"Spring": status}
        answer = press("/batches/confirm", do=action, id=batch.id, back=f"/batches/{batch.id}")
    if target == "-":
        assert "“Spring” not changed. This batch is" in extract_text(answer.text)
    assert statuses(api) == {"Spring": status if target in ("-", "same") else target}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("pending", ["start", "stop"]),
        ("active", ["pause", "stop"]),
        ("paused", ["resume", "stop"]),
        ("stopped", ["start"]),
        ("completed", ["start"]),
    ],
)
def test_only_available_actions_have_a_button(
    signed_in: FlaskClient, build: Builder, owner: User, status: str, expected: list[str]
) -> None:
    batch = build.create_batch(owner, status=status, total_calls=1)
    build.create_call(batch)
    assert re.findall(r'name="do" value="(\w+)"', signed_in.get(f"/batches/{batch.id}").text) == expected


def test_forms_without_a_csrf_token_are_refused(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner, status="active")
    for path in ("act", f"{batch.id}/rename", f"{batch.id}/duplicate", "confirm", "restore", "new"):
        assert signed_in.post(f"/batches/{path}", data={"do": "delete", "id": batch.id}).status_code == 400


def test_batches_of_a_stranger_cannot_be_changed(press: Callable, build: Builder, stranger: User, app: Flask) -> None:
    theirs = build.create_batch(stranger, "theirs", status="active")
    assert "no longer exist" in extract_text(press("/batches/act", do="pause", id=theirs.id).text)
    assert press(f"/batches/{theirs.id}/rename", name="mine").status_code == 404
    assert press(f"/batches/{theirs.id}/duplicate", name="mine").status_code == 404
    assert "no longer exist" in extract_text(press("/batches/restore", id=theirs.id).text)
    press("/batches/confirm", do="delete", id=theirs.id)
    after = build.change(theirs)
    assert (after.name, after.status, after.deleted_at) == ("theirs", "active", None)


# --- confirmation -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("action", PageAction)
@pytest.mark.parametrize("back", ["/batches?limit=25", "/batches/{id}"], ids=["list", "batch page"])
def test_an_action_asks_for_confirmation_by_one_rule_everywhere(
    signed_in: FlaskClient, press: Callable, build: Builder, owner: User, action: PageAction, back: str
) -> None:
    batch = build.create_batch(owner, status="paused", total_calls=1)
    build.create_call(batch)
    back = back.replace("{id}", batch.id)
    answer = press("/batches/act", False, do=action, id=batch.id, back=back)
    after = build.change(batch)
    changed = (after.status, after.deleted_at) != ("paused", None)
    if action.needs_confirmation:
        assert action in ("stop", "delete")
        assert not changed
        assert answer.location.startswith(f"/batches/confirm?do={action}&id={batch.id}&back=")
        assert action.warning in signed_in.get(answer.location).text
    else:
        assert answer.location == back
        assert changed == (action in ("start", "resume"))


def test_deletion_from_the_batch_page_returns_to_the_list(press: Callable, build: Builder, owner: User) -> None:
    batch = build.create_batch(owner)
    answer = press("/batches/confirm", False, do="delete", id=batch.id, back=f"/batches/{batch.id}")
    assert answer.location == "/batches"


def test_many_reasons_are_summed_up(press: Callable, build: Builder, owner: User) -> None:
    batches = [build.create_batch(owner, "x" * 200, status="completed") for _ in range(20)]
    answer = extract_text(press("/batches/act", do="pause", id=[batch.id for batch in batches]).text)
    assert answer.count("cannot be paused") == 5
    assert "15 more batches not changed." in answer


# --- bulk actions -----------------------------------------------------------------------------------------------------


@pytest.fixture
def three(build: Builder, owner: User) -> dict[str, Batch]:
    """Create an active, a paused and a completed batch."""
    batches = {}
    for status in ("active", "paused", "completed"):
        batches[status] = build.create_batch(owner, f"The {status} one", status=status, total_calls=1)
        build.create_call(batches[status], status="busy" if status == "completed" else "pending")
    return batches


def confirm_url(batches: dict[str, Batch], **parameters: str) -> str:
    ids = "&".join(f"id={batch.id}" for batch in batches.values())
    return f"/batches/confirm?{ids}&" + "&".join(f"{name}={value}" for name, value in parameters.items())


def test_the_confirmation_lists_the_batches_and_those_not_changed(
    signed_in: FlaskClient, press: Callable, api: Callable, three: dict[str, Batch]
) -> None:
    page = extract_text(signed_in.get(confirm_url(three, do="stop")).text)
    assert "Stop 2 batches?" in page
    assert "The active one" in page
    assert "Not changed: The completed one This batch is completed and cannot be stopped" in page
    answer = extract_text(press("/batches/confirm", do="stop", id=[batch.id for batch in three.values()]).text)
    assert "2 batches stopped." in answer
    assert "“The completed one” not changed. This batch is completed and cannot be stopped." in answer
    assert statuses(api) == {
        "The active one": "stopped",
        "The paused one": "stopped",
        "The completed one": "completed",
    }


def test_deletion_warns_about_running_batches_and_can_be_undone(
    signed_in: FlaskClient, press: Callable, api: Callable, three: dict[str, Batch]
) -> None:
    page = extract_text(signed_in.get(confirm_url(three, do="delete")).text)
    assert "Delete 3 batches?" in page
    assert "Active or paused: The paused one, The active one. Deleting stops calling" in page
    single_page = extract_text(signed_in.get(f"/batches/confirm?do=delete&id={three['active'].id}").text)
    assert "Active or paused: The active one." in single_page
    answer = press("/batches/confirm", do="delete", id=[batch.id for batch in three.values()], back="/batches?limit=25")
    assert answer.request.full_path == "/batches?limit=25"
    assert "3 batches deleted." in extract_text(answer.text)
    assert api().status_code == 404
    form = re.search(r'<form method="post" action="/batches/restore">.*?</form>', answer.text, re.DOTALL)[0]
    ids = re.findall(r'name="id" value="(\w+)"', form)
    assert "3 batches restored." in extract_text(press("/batches/restore", id=ids, back="/batches?limit=25").text)
    assert set(statuses(api).values()) == {"stopped", "completed"}


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("do=stop", 200, "Select at least one batch."),
        (f"do=stop&id={'0' * 24}", 200, "no longer exist"),
        ("do=explode&id=" + "0" * 24, 400, "do must be one of start, pause, resume, stop, delete"),
        ("do=stop&id=nonsense", 400, "id must be 24 hexadecimal characters"),
        ("id=" + "0" * 24, 400, "do is required"),
    ],
)
def test_a_confirmation_without_batches_is_refused(
    signed_in: FlaskClient, query: str, status: int, message: str
) -> None:
    answer = signed_in.get(f"/batches/confirm?{query}", follow_redirects=True)
    assert answer.status_code == status
    assert message in extract_text(answer.text)


def test_a_redirect_never_leaves_the_site(press: Callable, build: Builder, owner: User) -> None:
    for back in ("https://elsewhere.example", "//elsewhere.example", "javascript:alert(1)", "/\\elsewhere.example"):
        batch = build.create_batch(owner)
        assert press("/batches/confirm", False, do="delete", id=batch.id, back=back).location == "/batches"
        assert press("/batches/restore", False, id=batch.id, back=back).location == "/batches"

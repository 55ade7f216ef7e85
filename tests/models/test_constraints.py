"""What the database itself refuses, whoever writes."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from portal.models import User
from tests.support.builders import Builder


@pytest.mark.parametrize(
    "given",
    [
        {"total_calls": -1},
        {"calls_completed": -1},
        {"total_calls": 1, "calls_called": 2},
        {"total_calls": 9, "calls_called": 3, "calls_picked": 4},
        {"total_calls": 9, "calls_called": 5, "calls_picked": 4, "calls_completed": 5},
        {"status": "running"},
        {"status": "Active"},
        {"name": ""},
        {"deleted_at": 1},
        {"deleted_by_key": 1},
        {"key": 7},
    ],
    ids=str,
)
def test_a_batch_that_cannot_be_is_refused(build: Builder, owner: User, given: dict[str, Any]) -> None:
    batch = build.create_batch(owner)
    with pytest.raises(IntegrityError):
        build.change(batch, **given)


def test_ids_are_unique_and_owners_exist(build: Builder, owner: User) -> None:
    batch = build.create_batch(owner)
    with pytest.raises(IntegrityError):
        build.create_batch(owner, id=batch.id)
    with pytest.raises(IntegrityError):
        build.create_batch(owner, owner_key=owner.key + 1)


@pytest.mark.parametrize(
    "given", [{"status": "lost"}, {"duration_seconds": -1}, {"attempts": -1}, {"batch_key": 1}], ids=str
)
def test_a_call_that_cannot_be_is_refused(build: Builder, owner: User, given: dict[str, Any]) -> None:
    batch = build.create_batch(owner)
    with pytest.raises(IntegrityError):
        build.create_call(batch, **given)


def test_two_accounts_never_share_an_address(build: Builder, owner: User) -> None:
    with pytest.raises(IntegrityError):
        build.change(build.create_user("other"), email_folded=owner.email_folded)

"""Constraints of the database."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, insert, update
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.db.transactions import write_transaction
from portal.extensions import db
from portal.models import AccountEvent, AccountLogEntry, Batch, BatchEvent, BatchLogEntry, Channel, User
from tests.support.builders import Builder


@pytest.mark.parametrize(
    "values",
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
def test_an_invalid_batch_is_refused(build: Builder, owner: User, values: dict[str, Any]) -> None:
    batch = build.create_batch(owner)
    with pytest.raises(IntegrityError):
        build.change(batch, **values)


def test_ids_are_unique_and_owners_exist(build: Builder, owner: User) -> None:
    batch = build.create_batch(owner)
    with pytest.raises(IntegrityError):
        build.create_batch(owner, id=batch.id)
    with pytest.raises(IntegrityError):
        build.create_batch(owner, owner_key=owner.key + 1)


@pytest.mark.parametrize(
    "values", [{"status": "lost"}, {"duration_seconds": -1}, {"attempts": -1}, {"batch_key": 1}], ids=str
)
def test_an_invalid_call_is_refused(build: Builder, owner: User, values: dict[str, Any]) -> None:
    batch = build.create_batch(owner)
    with pytest.raises(IntegrityError):
        build.create_call(batch, **values)


def test_two_accounts_cannot_share_an_email_address(build: Builder, owner: User) -> None:
    with pytest.raises(IntegrityError):
        build.change(build.create_user("other"), email_folded=owner.email_folded)


def test_audit_rows_are_neither_changed_nor_deleted_but_with_their_batch(
    app: Flask, build: Builder, owner: User
) -> None:
    batch = build.create_batch(owner)
    common = {"at": 1, "way": Channel.PAGE, "details": {}}
    change = common | {"batch_key": batch.key, "user_key": owner.key, "what": BatchEvent.RENAMED}
    with app.app_context():
        with write_transaction() as session:
            session.execute(insert(AccountLogEntry).values(subject_key=owner.key, what=AccountEvent.ADDED, **common))
            session.execute(insert(BatchLogEntry).values(**change))
        for table in (AccountLogEntry, BatchLogEntry):
            for statement in (delete(table), update(table).values(at=2)):
                with pytest.raises(DBAPIError, match=r"never|only with"), write_transaction() as session:
                    session.execute(statement)
                db.session.rollback()
        with write_transaction() as session:
            session.execute(delete(Batch))
        assert db.session.execute(db.select(db.func.count(BatchLogEntry.key))).scalar_one() == 0

"""Vocabularies that grow have no CHECK constraint, and the migration that dropped them keeps rows and triggers."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import CheckConstraint, inspect, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from portal.audit.account_log import log_account_event
from portal.audit.batch_log import log_batch_event
from portal.db.transactions import write_transaction
from portal.extensions import db
from portal.models import AccountEvent, BatchEvent, Channel, User
from portal.models.actor import Actor
from tests.conftest import DATABASES
from tests.support.builders import Builder

NEW_EVENT = (
    "INSERT INTO account_events (at, way, what, address, details) VALUES (1, 'carrier-pigeon', 'new-event', '', '{}')"
)
COUNTS = "SELECT (SELECT count(*) FROM account_events), (SELECT count(*) FROM changes), (SELECT count(*) FROM tokens)"


@pytest.fixture(params=DATABASES)
def own_app(request: pytest.FixtureRequest, make_app: Callable[[str], Flask]) -> Flask:
    """An app with its own database, which the test may downgrade."""
    return make_app(request.param)


def execute(statement: str) -> None:
    with write_transaction() as session:
        session.execute(text(statement))


def test_checks_of_models_and_migrations_agree(own_app: Flask) -> None:
    with own_app.app_context():
        for table in db.metadata.tables.values():
            names = [check["name"] for check in inspect(db.engine).get_check_constraints(table.name)]
            expected = [str(check.name) for check in table.constraints if isinstance(check, CheckConstraint)]
            stored = sorted(name.rpartition(f"ck_{table.name}_")[2] for name in names)
            assert stored == sorted(name.rpartition(f"ck_{table.name}_")[2] for name in expected), table.name


def test_new_words_need_no_migration(app: Flask, build: Builder, owner: User) -> None:
    build.create_token(owner)
    with app.app_context():
        execute(NEW_EVENT)
        execute("UPDATE tokens SET scopes = 'read export'")


def test_a_token_with_an_unknown_scope_keeps_its_known_ones(app: Flask, build: Builder, owner: User) -> None:
    token = build.create_token(owner)
    build.create_batch(owner)
    with app.app_context():
        execute("UPDATE tokens SET scopes = 'read export'")
    answer = app.test_client().get(f"/api/call/batches/{owner.id}", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200


def test_the_migration_keeps_rows_and_triggers_in_both_directions(own_app: Flask) -> None:
    build = Builder(own_app)
    owner = build.create_user()
    batch = build.create_batch(owner)
    build.create_token(owner)
    with own_app.app_context():
        with write_transaction() as session:
            log_account_event(session, AccountEvent.CHANGED, subject_key=owner.key, by=None)
            log_batch_event(session, Actor(owner.key, Channel.PAGE), BatchEvent.RENAMED, {batch.key: {}})
        execute(NEW_EVENT)
        with db.engine.connect() as before:
            counts = before.execute(text(COUNTS)).one()
            before.rollback()
            downgrade(revision="0003")
            assert before.execute(text(COUNTS)).one() == counts
            before.rollback()
        assert_entries_cannot_be_changed()
        with pytest.raises(IntegrityError):
            execute(NEW_EVENT)
        with pytest.raises(IntegrityError):
            execute("UPDATE tokens SET scopes = 'read export'")
        execute(NEW_EVENT.replace("carrier-pigeon", "command").replace("new-event", "changed"))
        upgrade()
        assert_entries_cannot_be_changed()
        execute(NEW_EVENT)
        with db.engine.connect() as after:
            assert after.execute(text(COUNTS)).one() == (counts[0] + 2, counts[1], counts[2])
            if after.dialect.name == "sqlite":
                assert after.execute(text("PRAGMA integrity_check")).all() == [("ok",)]
                assert after.execute(text("PRAGMA foreign_key_check")).all() == []


def assert_entries_cannot_be_changed() -> None:
    for table in ("account_events", "changes"):
        with pytest.raises(DBAPIError, match="never altered"):
            execute(f"UPDATE {table} SET at = 1")

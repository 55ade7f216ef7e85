"""The migrations create the schema of the models on both databases, and can be downgraded."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect

from portal.batches.derived import is_name_index_object
from portal.extensions import db
from tests.support.databases import DATABASES

MIGRATIONS = sorted((Path(__file__).resolve().parents[2] / "migrations" / "versions").glob("*.py"))


@pytest.fixture(params=DATABASES)
def fresh_app(request: pytest.FixtureRequest, make_app: Callable[[str], Flask]) -> Flask:
    """An app on its own database, which the test may change."""
    return make_app(request.param)


def test_migrations_and_models_agree(fresh_app: Flask) -> None:
    with fresh_app.app_context(), db.engine.connect() as connection:
        options = {"compare_type": True, "include_name": lambda name, *_: not is_name_index_object(name)}
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, db.metadata) == []


def test_downgrade_and_upgrade(fresh_app: Flask) -> None:
    with fresh_app.app_context():
        before = set(inspect(db.engine).get_table_names())
        downgrade(revision="base")
        assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
        upgrade()
        assert set(inspect(db.engine).get_table_names()) == before


@pytest.mark.parametrize("path", MIGRATIONS, ids=lambda path: path.stem)
def test_no_migration_copies_a_table(path: Path) -> None:
    """On SQLite, Alembic's batch mode drops the original table; foreign keys then delete the rows that refer to it."""
    assert "batch_alter_table" not in path.read_text()

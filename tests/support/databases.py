"""Temporary databases, and the portal running on them within this process."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from argon2 import PasswordHasher
from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from portal import create_app
from portal.accounts import passwords
from portal.db.transactions import write_transaction
from portal.extensions import db
from tests.support.missing import ServiceMissing, skip_or_fail
from tests.support.postgresql import SERVER_URL

DATABASES = ("sqlite", "postgresql")
AUDIT_TABLES = ("account_events", "changes")
SECRET_KEY = "a secret key that is only for tests"
ENVIRONMENT = {
    "SECRET_KEY": SECRET_KEY,
    "RATE_PER_TOKEN": "0",
    "RATE_PER_ADDRESS": "0",
    "LOG_LEVEL": "WARNING",
}
SETTINGS = {"TESTING": True, "PROPAGATE_EXCEPTIONS": False}

# The same algorithm at its lowest cost: tests create hundreds of accounts.
FAST_HASHER = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


def postgresql_url(database: str) -> str:
    """Return the URL of a database on the shared PostgreSQL server; end the test if there is no server."""
    server = os.environ.get(SERVER_URL)
    if not server:
        skip_or_fail(ServiceMissing("PostgreSQL is not available: half of the tests cannot run"))
    return urlsplit(server)._replace(scheme="postgresql+psycopg", path=f"/{database}").geturl()


def run_on_postgresql(statement: str) -> None:
    """Execute a statement on the shared PostgreSQL server, outside a transaction."""
    engine = create_engine(postgresql_url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@contextmanager
def temporary_database(kind: str) -> Iterator[str]:
    """Yield the URL of an empty database, which is removed after the block."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="portal-") as folder:
            yield f"sqlite:///{Path(folder) / 'portal.db'}"
        return
    name = f"portal_{os.urandom(6).hex()}"
    run_on_postgresql(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield postgresql_url(name)
    finally:
        run_on_postgresql(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def portal_on(url: str, *, durable: bool = True, **settings: Any) -> Iterator[Flask]:
    """Run the portal on a database, upgraded to the newest schema. `durable` = SQLite syncs to disk."""
    with tempfile.TemporaryDirectory(prefix="portal-") as instance:
        environ = ENVIRONMENT | {"DATABASE_URL": url, "INSTANCE_DIR": instance}
        app = create_app(SETTINGS | settings, environ)
        with app.app_context():
            if db.engine.dialect.name == "sqlite" and not durable:
                event.listen(db.engine, "connect", turn_off_sync)
            upgrade()
        try:
            yield app
        finally:
            with app.app_context():
                db.engine.dispose()


def turn_off_sync(connection: Any, _record: object) -> None:
    """Let SQLite return before its data reach the disk."""
    connection.execute("PRAGMA synchronous = OFF")


def empty(app: Flask) -> None:
    """Delete every row of the app's database."""
    with app.app_context(), write_transaction() as session, without_audit_triggers(session):
        for table in reversed(db.metadata.sorted_tables):
            session.execute(table.delete())


@contextmanager
def without_audit_triggers(session: Session) -> Iterator[None]:
    """Allow rows of the audit log to be deleted within the block, if there are any."""
    if not any(session.execute(text(f"SELECT 1 FROM {table} LIMIT 1")).first() for table in AUDIT_TABLES):
        yield
        return
    if db.engine.dialect.name == "postgresql":
        for table in AUDIT_TABLES:
            session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        yield
        for table in AUDIT_TABLES:
            session.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER USER"))
        return
    triggers = session.execute(text("SELECT name, sql FROM sqlite_schema WHERE name LIKE '%_remain'")).all()
    for trigger in triggers:
        session.execute(text(f"DROP TRIGGER {trigger.name}"))
    yield
    for trigger in triggers:
        session.execute(text(trigger.sql))


@contextmanager
def hashing_with(hasher: PasswordHasher) -> Iterator[None]:
    """Use another password hasher within the block."""
    with patch.object(passwords, "hasher", hasher):
        passwords.dummy_hash.cache_clear()
        yield
    passwords.dummy_hash.cache_clear()

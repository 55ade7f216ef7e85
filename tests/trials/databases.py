"""Databases made for a trial and dropped after it, and the portal upon them."""

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
from sqlalchemy import create_engine, text

from portal import create_app
from portal.accounts import passwords
from portal.extensions import db
from tests.support.services import SERVER

# What every trial's portal runs with, unless the trial says otherwise.
ENVIRONMENT = {"SECRET_KEY": "only for trials", "RATE_PER_TOKEN": "0", "RATE_PER_ADDRESS": "0"}
SETTINGS = {
    "TESTING": True,
    "PROPAGATE_EXCEPTIONS": False,
    "LOG_LEVEL": "INFO",  # a line a request, which is searched
    "SIGN_IN_TRIES": 0,  # wrong passwords are a part of most trials
    "SIGN_IN_TRIES_PER_ADDRESS": 0,
}


def server_url(database: str) -> str:
    """The URL of a database on the trials' PostgreSQL server, whose address stands in the environment."""
    return urlsplit(os.environ[SERVER])._replace(scheme="postgresql+psycopg", path=f"/{database}").geturl()


def on_server(statement: str) -> None:
    """Have the server do what stands outside every transaction."""
    engine = create_engine(server_url("postgres"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(statement))
    engine.dispose()


@contextmanager
def fresh_database(kind: str) -> Iterator[str]:
    """The URL of an empty database, gone after the block."""
    if kind == "sqlite":
        with tempfile.TemporaryDirectory(prefix="portal-trial-") as folder:
            yield f"sqlite:///{Path(folder) / 'portal.db'}"
        return
    name = f"portal_trial_{os.urandom(6).hex()}"
    on_server(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'")
    try:
        yield server_url(name)
    finally:
        on_server(f"DROP DATABASE {name} WITH (FORCE)")


# The same algorithm at its least cost: what is tried is rarely how long it takes.
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)


@contextmanager
def hashing_with(hasher: PasswordHasher) -> Iterator[None]:
    """Passwords are hashed so within the block."""
    with patch.object(passwords, "hasher", hasher):
        passwords.dummy_hash.cache_clear()
        yield
    passwords.dummy_hash.cache_clear()


@contextmanager
def portal_on(url: str, **settings: Any) -> Iterator[Flask]:
    """The portal on the database of that URL, brought to the newest schema, within this process."""
    with tempfile.TemporaryDirectory(prefix="portal-trial-") as instance:
        app = create_app(SETTINGS | settings, ENVIRONMENT | {"DATABASE_URL": url, "INSTANCE_DIR": instance})
        with app.app_context():
            upgrade()
        try:
            with hashing_with(CHEAP):
                yield app
        finally:
            with app.app_context():
                db.engine.dispose()


@contextmanager
def open_app(kind: str, **settings: Any) -> Iterator[Flask]:
    """The portal on an empty database of that kind, within this process."""
    with fresh_database(kind) as url, portal_on(url, **settings) as app:
        yield app

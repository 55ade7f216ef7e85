"""Traces of the simulate command in the database."""

from __future__ import annotations

from typing import Any

from flask import Flask

from portal.accounts import query as accounts_query
from portal.extensions import db
from portal.models import Token, User

CALLS = 60
TIMEOUT_SECONDS = 60


def tokens(app: Flask, owner: User) -> list[Token]:
    """Return the valid tokens of the command."""
    with app.app_context():
        return [token for token in accounts_query.list_tokens(owner.key) if token.name == "simulate"]


def rows(app: Flask, model: Any) -> list[Any]:
    with app.app_context():
        return list(db.session.execute(db.select(model)).scalars())


def has_no_differences(app: Flask) -> bool:
    return app.test_cli_runner().invoke(args=["batch", "check"]).exit_code == 0

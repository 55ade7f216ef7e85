"""Attempts at passwords, and the entries of the audit log about them."""

from __future__ import annotations

from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.extensions import db
from portal.models import AccountLogEntry
from tests.support.pages import send_form


def try_password(client: FlaskClient, email: str, password: str = "wrong") -> TestResponse:
    """Send the sign-in form."""
    return send_form(client, "/login", "/login", email=email, password=password)


def account_log() -> Any:
    """Return a query of the account entries of the audit log, oldest first."""
    return db.session.query(AccountLogEntry).order_by(AccountLogEntry.key)

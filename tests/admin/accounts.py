"""What pages and the audit log show about an account."""

from __future__ import annotations

import re
from typing import Any

from flask import Flask

from portal.accounts import query
from portal.models import User

NEW_PASSWORD = "an altogether new password"


def find_user(app: Flask, email: str) -> User | None:
    with app.app_context():
        return query.find_user_by_email(email)


def generated_password(html: str) -> str:
    """Return the generated password that a page shows."""
    return re.search(r'id="password-value" type="text" value="([^"]+)"', html)[1]


def summary(entry: Any) -> tuple[Any, ...]:
    """Return the main fields of an audit log entry."""
    return entry.what, entry.actor, entry.subject, entry.way, entry.address, entry.details

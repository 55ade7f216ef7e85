"""An admin beside the owner and the stranger, and what the trail holds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.audit import query
from portal.audit.parameters import AuditExportParameters
from portal.models import User
from tests.conftest import csrf_token, sign_in
from tests.support.builders import Builder


@pytest.fixture
def admin(build: Builder) -> User:
    """Whoever may do all of this."""
    return build.create_user("demo", is_admin=True)


@pytest.fixture
def as_admin(app: Flask, admin: User) -> FlaskClient:
    """A client with the admin's session."""
    return sign_in(app, admin)


@pytest.fixture
def post(as_admin: FlaskClient) -> Callable[..., Any]:
    """Sends a form as the admin: `post("/admin/users/…/disable", role="admin")`."""
    token = csrf_token(as_admin.get("/admin/users/new").text)

    def send(path: str, **fields: str) -> Any:
        return as_admin.post(path, data=fields | {"csrf_token": token})

    return send


@pytest.fixture
def entries(app: Flask) -> Callable[[], list[Any]]:
    """What is in the trail, newest first, without what tests themselves do: make accounts and tokens, and sign in."""

    def is_preparation(row: Any) -> bool:
        return row.what.startswith(("sign", "token")) or (row.what == "added" and row.way == "command")

    def read() -> list[Any]:
        with app.app_context():
            return [row for row in query.stream_entries(AuditExportParameters()) if not is_preparation(row)]

    return read

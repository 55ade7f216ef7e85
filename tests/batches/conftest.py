"""Fixtures: call histories and the command that imports them, and the forms of pages."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.models import User
from tests.batches.call_histories import HEADER
from tests.support.pages import send_form


@pytest.fixture
def history(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a history of rows (text or bytes) and returns its path."""

    def write(*rows: str, header: str = HEADER, data: bytes | None = None, name: str = "history.csv") -> Path:
        path = tmp_path / name
        path.write_bytes("\n".join([header, *rows, ""]).encode() if data is None else data)
        return path

    return write


@pytest.fixture
def run_import(app: Flask, owner: User) -> Callable[[Path], Any]:
    """Return a function that imports a file for the owner with the command."""

    def run(path: Path, email: str = owner.email) -> Any:
        return app.test_cli_runner().invoke(args=["batch", "import", str(path), "--owner", email])

    return run


@pytest.fixture
def press(signed_in: FlaskClient) -> Callable[..., Any]:
    """Return a function that posts the form of a page and follows the redirect."""

    def post(address: str, follow: bool = True, **fields: Any) -> Any:
        return send_form(signed_in, address, follow=follow, **fields)

    return post

"""Fixtures: PostgreSQL's client programs."""

from __future__ import annotations

import pytest

from tests.support.missing import ServiceMissing
from tests.support.postgresql import find_postgresql_programs


@pytest.fixture
def clients_on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    """Add the client programs of the test server to PATH."""
    try:
        monkeypatch.setenv("PATH", str(find_postgresql_programs()), prepend=":")
    except ServiceMissing:
        return

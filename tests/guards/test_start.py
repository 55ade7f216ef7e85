"""Creating the app opens no database connection, because the server creates it before it forks."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Pool, event

from portal import create_app

UNREACHABLE = ("sqlite:////nowhere/portal.db", "postgresql://none@127.0.0.1:1/nothing")


@pytest.mark.parametrize("url", UNREACHABLE)
def test_creating_the_app_opens_no_connection(url: str, tmp_path: Path) -> None:
    opened: list[object] = []

    def record(*_: object) -> None:
        opened.append(1)

    event.listen(Pool, "first_connect", record)
    event.listen(Pool, "connect", record)
    try:
        create_app(environ={"DATABASE_URL": url, "INSTANCE_DIR": str(tmp_path)})
    finally:
        event.remove(Pool, "first_connect", record)
        event.remove(Pool, "connect", record)
    assert opened == []

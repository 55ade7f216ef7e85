"""The server builds the app before it forks, so building it must leave the database alone."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import Pool, event

from portal import create_app

UNREACHABLE = ("sqlite:////nowhere/portal.db", "postgresql://nobody@127.0.0.1:1/nothing")


@pytest.mark.parametrize("url", UNREACHABLE)
def test_building_the_app_opens_no_connection(url: str, tmp_path: Path) -> None:
    opened: list[object] = []

    def tried(*_: object) -> None:
        opened.append(1)

    event.listen(Pool, "first_connect", tried)
    event.listen(Pool, "connect", tried)
    try:
        create_app(environ={"DATABASE_URL": url, "INSTANCE_DIR": str(tmp_path)})
    finally:
        event.remove(Pool, "first_connect", tried)
        event.remove(Pool, "connect", tried)
    assert opened == []

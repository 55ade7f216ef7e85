"""Engines of trunks: what a trunk and the installation give them."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from flask import Flask

from portal.config import parse_public_url
from portal.dialing.engines import EngineUnreachable
from portal.dialing.trunk_engines import SIMULATORS, callback_url, open_engine
from portal.models import Trunk
from portal.settings_error import SettingError
from portal.trunks.actions import encrypt

TRUNK = "0123456789abcdef01234567"


def test_a_simulator_keeps_its_records_in_a_file_per_trunk(app: Flask) -> None:
    with app.app_context(), closing(open_engine(Trunk(id=TRUNK, kind="simulator", settings={"seed": 1}))) as engine:
        assert engine.events() == []
        assert engine.heard_at is not None
        assert (Path(app.instance_path) / SIMULATORS / f"{TRUNK}.sqlite3").exists()


def test_an_asterisk_gets_address_secret_and_options(app: Flask) -> None:
    with app.app_context():
        trunk = Trunk(
            id=TRUNK, kind="asterisk", address="http://127.0.0.1:8088/ari/?endpoint=second", secret=encrypt("a:b")
        )
        with closing(open_engine(trunk)) as engine:
            assert (engine.api.base, engine.endpoint, engine.context) == (
                "http://127.0.0.1:8088/ari",
                "second",
                "portal",
            )
            assert engine.api.authorization == "Basic YTpi"


def test_a_provider_gets_the_public_address_for_callbacks(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.config, "PUBLIC_URL", "https://portal.example")
    with app.app_context():
        trunk = Trunk(id=TRUNK, kind="http", address="https://api.example/v1", secret=encrypt("a:b"))
        with closing(open_engine(trunk)) as engine:
            assert engine.callback_url == f"https://portal.example/api/call/webhooks/{TRUNK}"
    monkeypatch.setitem(app.config, "PUBLIC_URL", "")
    with app.app_context():
        assert callback_url(TRUNK) == ""


def test_a_secret_of_another_key_is_to_be_entered_again(app: Flask) -> None:
    with app.app_context(), pytest.raises(EngineUnreachable, match="another SECRET_KEY; enter it again"):
        open_engine(Trunk(id=TRUNK, kind="asterisk", address="http://127.0.0.1:8088", secret="damaged"))


@pytest.mark.parametrize(
    ("text", "origin"), [("", ""), ("https://Portal.example/", "https://portal.example"), ("http://[::1]:80", None)]
)
def test_the_public_url_is_an_origin(text: str, origin: str | None) -> None:
    assert parse_public_url("PUBLIC_URL", text) == (text if origin is None else origin)


@pytest.mark.parametrize("text", ["portal.example", "https://portal.example/path", "ftp://portal.example"])
def test_another_public_url_is_refused(text: str) -> None:
    with pytest.raises(SettingError, match="PUBLIC_URL must be an origin, such as"):
        parse_public_url("PUBLIC_URL", text)

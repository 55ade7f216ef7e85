"""The command, the page footer and the CHANGELOG agree on the version."""

from __future__ import annotations

import re

from flask import Flask
from flask.testing import FlaskClient

from portal.version import ROOT, VERSION


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    versions = re.findall(r"^## \[?(\d+\.\d+\.\d+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == VERSION


def test_the_command_prints_the_version(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["version"]).output == f"Batch Portal {VERSION}\n"


def test_every_page_shows_the_version(client: FlaskClient) -> None:
    assert f"Batch Portal {VERSION}</footer>" in client.get("/login").text

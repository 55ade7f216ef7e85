"""The command and the page footer show the version; test_docs.py checks the CHANGELOG."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from portal.version import VERSION


def test_the_command_prints_the_version(app: Flask) -> None:
    assert app.test_cli_runner().invoke(args=["version"]).output == f"Batch Portal {VERSION}\n"


def test_every_page_shows_the_version(client: FlaskClient) -> None:
    assert f"Batch Portal {VERSION}</footer>" in client.get("/login").text

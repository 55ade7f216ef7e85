"""The README and .env.example list every setting in the same order, with the default and the description."""

from __future__ import annotations

import re
from pathlib import Path

from portal.config import SETTINGS

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_environment_lists_every_setting() -> None:
    lines = re.findall(r"^# (.*)\n#(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert lines == [(setting.description, setting.name, setting.default or "") for setting in SETTINGS]


def test_the_readme_lists_every_setting() -> None:
    """A row each: | `NAME` | `default`, or text where the default is computed | description |"""
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*?) \| ([^|]+?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    expected = [(setting.name, setting.description.partition(" Default: ")[0]) for setting in SETTINGS]
    assert [(name, description) for name, _, description in rows] == expected
    defaults = {name: default for name, default, _ in rows if default.startswith("`")}
    assert defaults == {setting.name: f"`{setting.default}`" for setting in SETTINGS if setting.default is not None}

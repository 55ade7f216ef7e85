"""The README and .env.example list every setting in the same order, with its default."""

from __future__ import annotations

import re
from pathlib import Path

from portal.config import SETTINGS

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_environment_lists_every_setting() -> None:
    lines = re.findall(r"^# (.*)\n#(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert lines == [(setting.why, setting.name, setting.default or "") for setting in SETTINGS]


def test_the_readme_lists_every_setting() -> None:
    """Each row: | `NAME` | `default`, or a description of a computed one | description |"""
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*?) \| ([^|]+?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [name for name, _, _ in rows] == [setting.name for setting in SETTINGS]
    defaults = {name: default for name, default, _ in rows}
    assert {name: defaults[name] for name in defaults if defaults[name].startswith("`")} == {
        setting.name: f"`{setting.default}`" for setting in SETTINGS if setting.default is not None
    }

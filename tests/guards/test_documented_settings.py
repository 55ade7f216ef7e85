"""Every setting stands in the README and in .env.example, in the same order, with its default."""

from __future__ import annotations

import re
from pathlib import Path

from portal.config import SETTINGS

ROOT = Path(__file__).resolve().parents[2]


def test_the_example_environment_holds_every_setting() -> None:
    lines = re.findall(r"^# (.*)\n#(\w+)=(.*)$", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert lines == [(setting.why, setting.name, setting.default or "") for setting in SETTINGS]


def test_the_readme_tells_every_setting() -> None:
    """A row each: | `NAME` | `default`, or words where the portal makes its own | why |"""
    rows = re.findall(r"^\| `([A-Z_]+)` \| ([^|]*?) \| ([^|]+?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [name for name, _, _ in rows] == [setting.name for setting in SETTINGS]
    told = {name: default for name, default, _ in rows}
    assert {name: told[name] for name in told if told[name].startswith("`")} == {
        setting.name: f"`{setting.default}`" for setting in SETTINGS if setting.default is not None
    }

"""Guards over the documentation: links and anchors lead somewhere, named files exist, the version is one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from portal.version import VERSION

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")))
TOP = {path.name for path in ROOT.iterdir()}


def short(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as code hosts derive them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_relative_link_leads_to_a_file_and_heading(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        name, _, anchor = target.partition("#")
        linked = (page.parent / name).resolve() if name else page
        assert linked.exists(), target
        assert not anchor or anchor in anchors(linked), target


@pytest.mark.parametrize("page", PAGES, ids=short)
def test_every_named_path_of_the_project_exists(page: Path) -> None:
    """Paths in code spans, such as `portal/live.py`; a path without a known first part is not ours."""
    for name in re.findall(r"`((?:[\w.-]+/)+[\w.-]*)`", page.read_text()):
        first = name.partition("/")[0]
        if first in TOP - {"instance", "build"} and not first.startswith(".venv"):
            assert (ROOT / name).exists(), name


def test_changelog_starts_with_the_current_version() -> None:
    (newest, *_) = re.findall(r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert newest == VERSION

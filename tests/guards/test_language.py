"""Guards over the language: words that the project replaced do not come back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("portal", "templates", "static", "docs", "deploy", "migrations", "tests")
SUFFIXES = {".py", ".html", ".md", ".js", ".ts", ".css", ".conf", ".service", ".timer"}
FILES = [
    path
    for path in (*(each for folder in FOLDERS for each in (ROOT / folder).rglob("*")), *ROOT.glob("*.md"))
    if path.suffix in SUFFIXES and "vendor" not in path.parts and path.name not in ("__init__.py", Path(__file__).name)
]
# Private words, each with the plain one. Words that have a right use as well ("kept", "stands") are left to reviewers.
REPLACED = {
    "told": "reported, said, shown",
    "nobody": "no user",
    "whoever": "the user who",
    "whatever": "any",
    "whomever": "the user",
    "anew": "again",
    "mended": "fixed",
    "thereof": "of it",
}
# Names that others gave: an account of Unix, and a file of examples.
GIVEN_NAMES = {"tests/support/postgresql.py": "nobody", "tests/uploads/test_unusual_files.py": "mended"}


@pytest.mark.parametrize("path", sorted(FILES), ids=lambda path: str(path.relative_to(ROOT)))
def test_replaced_words_do_not_come_back(path: Path) -> None:
    lines = path.read_text().splitlines()
    replaced = "|".join(REPLACED.keys() - {GIVEN_NAMES.get(str(path.relative_to(ROOT)))})
    words = re.compile(rf"(?<![a-z])({replaced})(?![a-z])", re.IGNORECASE)  # also within names in code
    found = [(number, match[0]) for number, line in enumerate(lines, 1) for match in words.finditer(line)]
    assert not found, f"say it in plain words ({REPLACED})"

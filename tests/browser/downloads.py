"""Downloads of tables, with their rows as texts."""

from __future__ import annotations

import csv
from pathlib import Path

from playwright.sync_api import Locator
from python_calamine import CalamineWorkbook


def download_rows(link: Locator, kind: str, folder: Path) -> list[list[str]]:
    """Click a link, save the file of this kind (csv or xlsx) in the folder, and return its rows."""
    with link.page.expect_download() as download:
        link.click()
    path = folder / download.value.suggested_filename
    assert path.suffix == f".{kind}"
    download.value.save_as(path)
    if kind == "csv":
        return list(csv.reader(path.read_text("utf-8-sig").splitlines()))
    return [[str(cell) for cell in row] for row in CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python()]

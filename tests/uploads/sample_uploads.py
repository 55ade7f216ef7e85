"""Contact files of every kind with the same content, made on the spot."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import xlsxwriter
import xlwt

CALLER_ID = "+12025550100"
ROWS = [
    ["phoneNumber", "name", "city"],
    ["+12025550101", "Zoë", "Lisbon"],
    ["(202) 555-0102", "Ann", "Porto"],
    ["+1 202 555 0101", "again", "Faro"],
]


def csv_of(rows: Sequence[Sequence[str]], encoding: str = "utf-8") -> bytes:
    """The rows as CSV."""
    page = io.StringIO()
    csv.writer(page).writerows(rows)
    return page.getvalue().encode(encoding)


def xlsx_of(rows: Sequence[Sequence[str]]) -> bytes:
    """The rows as an .xlsx workbook."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        for line, row in enumerate(rows):
            for place, cell in enumerate(row):
                sheet.write_string(line, place, cell)
    return file.getvalue()


def xls_of(rows: Sequence[Sequence[str]]) -> bytes:
    """The rows as an .xls workbook."""
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("contacts")
    for line, row in enumerate(rows):
        for place, cell in enumerate(row):
            sheet.write(line, place, cell)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


MAKERS = {"csv": csv_of, "xls": xls_of, "xlsx": xlsx_of}

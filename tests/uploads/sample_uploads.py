"""Contact files of every kind with the same content."""

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
    """Return the rows as CSV."""
    text = io.StringIO()
    csv.writer(text).writerows(rows)
    return text.getvalue().encode(encoding)


def xlsx_of(rows: Sequence[Sequence[str]]) -> bytes:
    """Return the rows as an .xlsx workbook."""
    file = io.BytesIO()
    with xlsxwriter.Workbook(file, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        for row, cells in enumerate(rows):
            for column, cell in enumerate(cells):
                sheet.write_string(row, column, cell)
    return file.getvalue()


def xls_of(rows: Sequence[Sequence[str]]) -> bytes:
    """Return the rows as an .xls workbook."""
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("contacts")
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write(row, column, cell)
    file = io.BytesIO()
    workbook.save(file)
    return file.getvalue()


MAKERS = {"csv": csv_of, "xls": xls_of, "xlsx": xlsx_of}
TWO_NUMBERS = [["Kunde", "Handy", "Büro"], ["1", "+49 151 23125010", "030 23125011"]]
TITLED = [["Spring campaign", ""], ["Phone", "City"], ["+12025550101", "Rome"]]
NO_NUMBERS = csv_of([["Kundennummer", "Stadt"], ["1004711001", "Bonn"], ["1004711002", "Köln"]])

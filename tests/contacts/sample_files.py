"""Contact files of every kind for tests, and damaged or malicious workbooks."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from typing import Any

import pytest
import xlsxwriter
import xlwt

from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import ReadChoices, Table, open_table

Rows = list[list[Any]]
SHEET = "xl/worksheets/sheet1.xml"


def as_csv(rows: Rows, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(rows: Rows, hidden_rows: Sequence[int] = (), hidden_columns: str = "", **formats: str) -> bytes:
    """Return a workbook; `formats` maps column letters to number formats. Hidden rows are counted from 1."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        for column, number_format in formats.items():
            sheet.set_column(f"{column}:{column}", None, workbook.add_format({"num_format": number_format}))
        for column in hidden_columns:
            sheet.set_column(f"{column}:{column}", None, None, {"hidden": True})
        for row in hidden_rows:
            sheet.set_row(row - 1, None, None, {"hidden": True})
        for row, cells in enumerate(rows):
            sheet.write_row(row, 0, cells)
    return buffer.getvalue()


def as_sheets(*sheets: tuple[str, bool, Rows]) -> bytes:
    """Return a workbook of these sheets: name, whether it is visible, and rows."""
    buffer = io.BytesIO()
    with xlsxwriter.Workbook(buffer) as workbook:
        for name, visible, rows in sheets:
            sheet = workbook.add_worksheet(name)
            for row, cells in enumerate(rows):
                sheet.write_row(row, 0, cells)
            if visible:
                sheet.activate()
                sheet.set_first_sheet()  # without it, the first sheet cannot be hidden
            else:
                sheet.hide()
    return buffer.getvalue()


def as_xls(rows: Rows, hidden_rows: Sequence[int] = (), hidden_columns: str = "", **formats: str) -> bytes:
    """Return a workbook like as_xlsx()."""
    buffer = io.BytesIO()
    styles = {"ABCDEFGHIJ".index(column): xlwt.easyxf(num_format_str=code) for column, code in formats.items()}
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("calls")
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write(row, column, cell, styles.get(column, xlwt.Style.default_style))
    for row in hidden_rows:
        sheet.row(row - 1).hidden = True
    for column in hidden_columns:
        sheet.col("ABCDEFGHIJ".index(column)).hidden = True
    workbook.save(buffer)
    return buffer.getvalue()


MAKERS = {"csv": as_csv, "xls": as_xls, "xlsx": as_xlsx}


def with_parts(content: bytes, parts: dict[str, bytes | None], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return the archive with parts replaced or added; None removes a part."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(buffer, "w", compression) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            if part is not None:
                new.writestr(name, part)
    return buffer.getvalue()


def with_sheet(cells: str) -> bytes:
    """Return a workbook whose sheet has this XML as its content."""
    xml = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{cells}</worksheet>'
    return with_parts(as_xlsx([["phone"]]), {SHEET: xml.encode()})


def with_false_size(content: bytes, name: str, size: int) -> bytes:
    """Return the archive with a false size of one part in its directory, and the checksum of that many bytes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        checksum = zipfile.crc32(archive.read(name)[:size])
    directory = content.rindex(name.encode()) - 46  # the start of the part's record in the directory
    assert content[directory : directory + 4] == b"PK\x01\x02"
    record = bytearray(content[directory : directory + 46])
    record[16:20] = checksum.to_bytes(4, "little")
    record[24:28] = size.to_bytes(4, "little")
    return content[:directory] + bytes(record) + content[directory + 46 :]


def refusal(content: bytes, name: str, *choices: ReadChoices) -> str:
    """Return the message with which the file is refused."""
    with pytest.raises(ContactFileError) as caught:
        open_table(content, name, *choices)
    return str(caught.value)


def readable_or_refused(content: bytes, name: str) -> None:
    """Assert that the file is a table that can be read to its end, or is refused with a message."""
    try:
        table = open_table(content, name)
    except ContactFileError:
        return
    assert all(len(row.cells) >= len(table.header) for row in table.rows())


def plain_rows(table: Table) -> list[tuple[int, list[str]]]:
    """Return the number and the cells of each row."""
    return [(row.number, row.cells) for row in table.rows()]

"""Contact files made for tests, of every kind, and archives that mean harm."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any

import pytest
import xlsxwriter
import xlwt

from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import CsvFormat, open_table

Rows = list[list[Any]]
SHEET = "xl/worksheets/sheet1.xml"


def as_csv(rows: Rows, delimiter: str = ",", encoding: str = "utf-8") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue().encode(encoding)


def as_xlsx(rows: Rows, **formats: str) -> bytes:
    """`formats` gives number formats by column letter."""
    made = io.BytesIO()
    with xlsxwriter.Workbook(made, {"in_memory": True}) as workbook:
        sheet = workbook.add_worksheet()
        for column, number_format in formats.items():
            sheet.set_column(f"{column}:{column}", None, workbook.add_format({"num_format": number_format}))
        for row, cells in enumerate(rows):
            sheet.write_row(row, 0, cells)
    return made.getvalue()


def as_xls(rows: Rows) -> bytes:
    made = io.BytesIO()
    workbook = xlwt.Workbook()
    sheet = workbook.add_sheet("calls")
    for row, cells in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write(row, column, cell)
    workbook.save(made)
    return made.getvalue()


MAKERS = {"csv": as_csv, "xls": as_xls, "xlsx": as_xlsx}


def with_parts(content: bytes, parts: dict[str, bytes | None], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    """The archive with those parts put in the place of its own, or beside them; None takes one out."""
    made = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(made, "w", compression) as new:
        for name in old.namelist():
            if name not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            if part is not None:
                new.writestr(name, part)
    return made.getvalue()


def with_sheet(cells: str) -> bytes:
    """A workbook whose sheet has this for its rows, as XML."""
    xml = f'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{cells}</worksheet>'
    return with_parts(as_xlsx([["phone"]]), {SHEET: xml.encode()})


def with_false_size(content: bytes, name: str, said: int) -> bytes:
    """The archive with a false unpacked size of one part in its directory, and its checksum of that much."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        checksum = zipfile.crc32(archive.read(name)[:said])
    directory = content.rindex(name.encode()) - 46  # where the part's record in the directory begins
    assert content[directory : directory + 4] == b"PK\x01\x02"
    record = bytearray(content[directory : directory + 46])
    record[16:20] = checksum.to_bytes(4, "little")
    record[24:28] = said.to_bytes(4, "little")
    return content[:directory] + bytes(record) + content[directory + 46 :]


def refusal(content: bytes, name: str, *how: CsvFormat) -> str:
    """What is said when the file is refused, as it must be."""
    with pytest.raises(ContactFileError) as caught:
        open_table(content, name, *how)
    return str(caught.value)

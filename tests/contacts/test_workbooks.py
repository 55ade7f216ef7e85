"""Workbooks: the sheet that is read, and how damaged and malicious ones are refused in bounded memory and time."""

from __future__ import annotations

import io
import time
import zipfile

import pytest

from portal.contacts import file_limits, workbooks
from portal.contacts.files import open_table
from tests.contacts.sample_files import (
    SHEET,
    as_xlsx,
    readable_or_refused,
    refusal,
    with_false_size,
    with_parts,
    with_sheet,
)

XLSX = as_xlsx([["phone", "name"], ["+12025550101", "Ana"]])
TWO_CELLS = (
    '<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="{0}"><c r="{1}{0}"><v>1</v></c></row></sheetData>'
)


def test_a_cell_in_the_last_corner_is_refused() -> None:
    assert refusal(with_sheet(TWO_CELLS.format(1_048_576, "XFD")), "a.xlsx") == workbooks.TOO_COSTLY_MESSAGE
    assert "row 2 of the file has more than 200 columns" in refusal(with_sheet(TWO_CELLS.format(2, "GS")), "a.xlsx")
    assert "more than 200,000 rows" in refusal(with_sheet(TWO_CELLS.format(200_002, "A")), "a.xlsx")
    unnumbered = "<sheetData><row>" + "<c><v>1</v></c>" * 201 + "</row></sheetData>"
    assert "more than 200 columns" in refusal(with_sheet(unnumbered), "a.xlsx")


def test_a_cell_with_a_format_but_no_value_is_ignored() -> None:
    formatted = (
        '<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"/></row></sheetData>'
    )
    assert open_table(with_sheet(formatted), "a.xlsx").header == ["1"]


def test_the_first_visible_sheet_is_read_or_else_the_first_hidden_one() -> None:
    with zipfile.ZipFile(io.BytesIO(XLSX)) as archive:
        relations, book = (archive.read(name).decode() for name in ("xl/_rels/workbook.xml.rels", "xl/workbook.xml"))
    second = (
        '<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>second</t></is></c></row></sheetData>'
        "</worksheet>"
    )
    parts = {
        "xl/worksheets/other.xml": second.encode(),
        "xl/_rels/workbook.xml.rels": relations.replace(
            "</Relationships>",
            '<Relationship Id="rId9" Type="worksheet" Target="/xl/worksheets/other.xml"/></Relationships>',
        ).encode(),
    }
    sheet = book[book.index("<sheet ") : book.index("</sheets>")]
    other = '<sheet name="other" sheetId="9" r:id="rId9"/>'
    hidden = sheet.replace("<sheet ", '<sheet state="hidden" ')
    for sheets, header in (
        (sheet + other, "phone"),
        (other + sheet, "second"),
        (hidden + other, "second"),
        (hidden, "phone"),
    ):
        content = with_parts(XLSX, parts | {"xl/workbook.xml": book.replace(sheet, sheets).encode()})
        assert open_table(content, "a.xlsx").header[0] == header


def test_an_archive_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_limits, "MAX_UNPACKED", 5_000_000)
    one = with_parts(XLSX, {"xl/media/zeros.bin": bytes(6_000_000)})
    assert len(one) < 100_000
    assert refusal(one, "a.xlsx") == workbooks.TOO_LARGE_MESSAGE
    many = with_parts(XLSX, {f"xl/media/{part}.bin": bytes(1_000_000) for part in range(6)})
    assert refusal(many, "a.xlsx") == workbooks.TOO_LARGE_MESSAGE


@pytest.mark.parametrize("name", [SHEET, "xl/sharedStrings.xml", "xl/styles.xml"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_part_with_a_false_size_is_refused(name: str, compression: int) -> None:
    content = with_parts(XLSX, {name: b"<x>" + bytes(3_000_000) + b"</x>"}, compression)
    assert refusal(with_false_size(content, name, 50), "a.xlsx") == workbooks.UNREADABLE_MESSAGE


def test_a_part_that_unpacks_far_beyond_its_false_size_is_refused_quickly() -> None:
    content = with_false_size(with_parts(XLSX, {SHEET: b"<worksheet>" + b"<c/>" * 20_000_000}), SHEET, 50)
    begun = time.monotonic()
    assert refusal(content, "a.xlsx") == workbooks.UNREADABLE_MESSAGE
    assert time.monotonic() - begun < 20


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet>&b;</worksheet>',
        b'<!DOCTYPE x SYSTEM "file:///etc/hostname"><worksheet/>',
        b"<worksheet><sheetData>",
        "<worksheet/>".encode("utf-16"),
        b'<worksheet><c r="A0x1"/></worksheet>',
        b'<worksheet><row r="many"/></worksheet>',
    ],
)
def test_a_malformed_sheet_has_no_contacts(document: bytes) -> None:
    message = refusal(with_parts(XLSX, {SHEET: document}), "a.xlsx")
    assert message in (workbooks.UNREADABLE_MESSAGE, "the file is empty; it must start with a header row")


@pytest.mark.parametrize(
    "cells",
    [
        '<sheetData><row r="1"><c r="A1" t="str"><v>&a;</v></c></row></sheetData>',
        '<sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>&a;</t></is></c></row></sheetData>',
    ],
)
@pytest.mark.parametrize("entity", ['"x"', 'SYSTEM "file:///etc/passwd"'])
def test_entities_are_not_expanded(cells: str, entity: str) -> None:
    document = f"<!DOCTYPE worksheet [<!ENTITY a {entity}>]><worksheet>{cells}</worksheet>"
    assert refusal(with_parts(XLSX, {SHEET: document.encode()}), "a.xlsx") == workbooks.UNREADABLE_MESSAGE


@pytest.mark.parametrize("name", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", SHEET])
def test_an_archive_without_a_part_of_every_workbook_is_refused(name: str) -> None:
    assert refusal(with_parts(XLSX, {name: None}), "a.xlsx") in (
        workbooks.UNREADABLE_MESSAGE,
        workbooks.NO_SHEET_MESSAGE,
    )
    readable_or_refused(with_parts(XLSX, {name.upper(): b"<x/>"}), "a.xlsx")


def test_an_encrypted_part_or_an_unknown_compression_is_refused() -> None:
    at = XLSX.index(b"PK\x01\x02")
    locked = XLSX[: at + 8] + bytes([XLSX[at + 8] | 1]) + XLSX[at + 9 :]
    readable_or_refused(locked, "a.xlsx")
    assert refusal(with_parts(XLSX, {}, zipfile.ZIP_LZMA), "a.xlsx") == workbooks.UNREADABLE_MESSAGE


def test_a_long_text_repeated_in_every_cell_is_refused() -> None:
    text = "<sst><si><t>" + "a" * 1_000_000 + "</t></si></sst>"
    cells = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, 5001))
    content = with_parts(with_sheet(f"<sheetData>{cells}</sheetData>"), {"xl/sharedStrings.xml": text.encode()})
    assert len(content) < 60_000
    begun = time.monotonic()
    assert refusal(content, "a.xlsx") == workbooks.TOO_COSTLY_MESSAGE  # 5 GB of text are never stored
    assert time.monotonic() - begun < 20

"""Workbooks: the sheet that is read, and how damaged and malicious ones are refused in bounded memory and time."""

from __future__ import annotations

import time
import zipfile
from datetime import date
from typing import Any

import pytest

from portal.contacts import file_limits, workbooks
from portal.contacts.files import ReadChoices, open_table
from portal.contacts.rows import CellKind
from tests.contacts.sample_files import (
    MAKERS,
    SHEET,
    as_sheets,
    as_xlsx,
    plain_rows,
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


CONTACTS = [["phone", "name"], ["+12025550101", "Ana"]]
OTHERS = [["Telefon"], ["030 23125010"]]
ABOUT = [["About", "this"], ["file", "2026"]]


@pytest.mark.parametrize(
    ("sheets", "read"),
    [
        ([("A", True, CONTACTS), ("B", True, OTHERS)], "A"),
        ([("A", False, CONTACTS), ("B", True, OTHERS)], "B"),
        ([("Information", True, ABOUT), ("Contacts", True, CONTACTS)], "Contacts"),
        ([("Empty", True, []), ("Contacts", True, CONTACTS)], "Contacts"),
        ([("Information", True, ABOUT), ("Hidden", False, CONTACTS)], "Information"),
        ([("Empty", True, []), ("Information", True, ABOUT)], "Information"),
    ],
)
def test_the_first_visible_sheet_with_contacts_is_read(sheets: list[Any], read: str) -> None:
    content = as_sheets(*sheets)
    table = open_table(content, "a.xlsx")
    assert table.sheet == read
    assert [(sheet.name, sheet.visible) for sheet in table.sheets] == [(name, visible) for name, visible, _ in sheets]
    last = sheets[-1]
    assert open_table(content, "a.xlsx", ReadChoices(sheet=last[0])).header == last[2][0]


def test_an_empty_sheet_is_refused_with_the_names_of_the_others() -> None:
    content = as_sheets(("One", True, CONTACTS), ("Two", True, []))
    message = refusal(content, "a.xlsx", ReadChoices(sheet="Two"))
    assert message == "the sheet Two is empty; choose another sheet (One)"


@pytest.mark.parametrize("kind", ["xls", "xlsx"])
def test_numbers_have_the_form_in_which_they_are_displayed(kind: str) -> None:
    rows = [list("abcdefg"), [655501234, 2138, 0.256, 1234.5, 493012345, 2025550101, 5]]
    formats = {"A": "0000000000", "B": "00000", "C": "0.0%", "D": "#,##0.00", "E": '"+"0', "F": "(000) 000-0000"}
    table = open_table(MAKERS[kind](rows, **formats), f"a.{kind}", ReadChoices(header_row=1))
    (row,) = table.rows()
    assert row.cells == ["0655501234", "02138", "25.6%", "1,234.50", "+493012345", "(202) 555-0101", "5"]
    assert row.kinds == {2: CellKind.FRACTION, 3: CellKind.FRACTION}


@pytest.mark.parametrize("kind", ["xls", "xlsx"])
def test_unusual_cells_have_a_kind(kind: str) -> None:
    rows = [list("abcde"), [date(2026, 5, 1), 30.2312501, 1234567890123456789, 12025550101.0, "text"]]
    (row,) = open_table(MAKERS[kind](rows, A="yyyy-mm-dd"), f"a.{kind}", ReadChoices(header_row=1)).rows()
    assert row.cells[:2] == ["2026-05-01", "30.2312501"]
    assert row.kinds == {0: CellKind.DATE, 1: CellKind.FRACTION, 2: CellKind.SHORTENED}


@pytest.mark.parametrize(
    ("cell", "text", "kinds"),
    [
        ("<c r='B2'><f>A1</f><v/></c>", "", {1: CellKind.FORMULA_WITHOUT_VALUE}),
        ("<c r='B2'><f>A1</f></c>", "", {1: CellKind.FORMULA_WITHOUT_VALUE}),
        ("<c r='B2' t='str'><f>A1</f><v></v></c>", "", {}),
        ("<c r='B2' t='str'><f>A1</f><v>x</v></c>", "x", {}),
        ("<c r='B2'><f>A1</f><v>0</v></c>", "0", {}),
        ("<c r='B2' t='e'><f>A1</f><v>#N/A</v></c>", "#N/A", {1: CellKind.ERROR}),
        ("<c r='B2' t='e'><v>#REF!</v></c>", "#REF!", {1: CellKind.ERROR}),
    ],
)
def test_formulas_have_their_value_or_a_kind(cell: str, text: str, kinds: dict[int, CellKind]) -> None:
    start = "<sheetData><row r='1'><c r='A1'><v>1</v></c><c r='B1'><v>2</v></c></row><row r='2'><c r='A2'><v>1</v></c>"
    (row,) = open_table(with_sheet(f"{start}{cell}</row></sheetData>"), "a.xlsx", ReadChoices(header_row=1)).rows()
    assert (row.cells, row.kinds) == (["1", text], kinds)


def test_elements_may_have_a_prefix() -> None:
    cells = "<x:sheetData><x:row r='1'><x:c><x:v>1</x:v></x:c></x:row><x:row hidden='true'><x:c><x:f/></x:c></x:row>"
    sheet = (
        '<x:worksheet xmlns:x="http://schemas.openxmlformats.org/spreadsheetml/2006/main">'
        f"{cells}</x:sheetData></x:worksheet>"
    )
    table = open_table(with_parts(XLSX, {SHEET: sheet.encode()}), "a.xlsx", ReadChoices(header_row=1, hidden="include"))
    assert [(row.kinds, row.hidden) for row in table.rows()] == [({0: CellKind.FORMULA_WITHOUT_VALUE}, True)]


HIDDEN = [["phone", "secret", "name"], *[[f"+1202555010{number}", "x", f"P{number}"] for number in range(1, 6)]]


@pytest.mark.parametrize("kind", ["xls", "xlsx"])
def test_hidden_rows_and_columns_are_left_out_and_counted(kind: str) -> None:
    content = MAKERS[kind](HIDDEN, hidden_rows=[2, 4, 6], hidden_columns="B")
    table = open_table(content, f"a.{kind}")
    assert plain_rows(table) == [(3, ["+12025550102", "P2"]), (5, ["+12025550104", "P4"])]
    assert (table.header, table.row_count) == (["phone", "name"], 2)
    assert (table.hidden_rows, table.hidden_columns) == (3, ["secret"])
    table = open_table(content, f"a.{kind}", ReadChoices(hidden="include"))
    assert (table.header, table.row_count, table.hidden_rows, table.hidden_columns) == (HIDDEN[0], 5, 3, [])
    assert [row.number for row in table.rows() if row.hidden] == [2, 4, 6]


def test_a_cell_beyond_every_limit_is_refused() -> None:
    cell = f"<c t='inlineStr'><is><t>{'x' * 200_000}</t></is></c>"
    message = refusal(with_sheet(f"<sheetData><row>{cell}</row></sheetData>"), "a.xlsx")
    assert message == "row 1 of the file has a cell of more than 10,000 characters"


def test_rows_without_height_are_hidden() -> None:
    rows = "<row r='1'><c><v>1</v></c></row><row r='2' ht='0' customHeight='1'><c><v>2</v></c></row>"
    columns = "<cols><col min='2' max='16384' width='0'/></cols>"
    table = open_table(with_sheet(f"{columns}<sheetData>{rows}</sheetData>"), "a.xlsx", ReadChoices(header_row=1))
    assert (table.row_count, table.hidden_rows) == (0, 1)


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

"""The header row: found, chosen, or absent; and the names of columns."""

from __future__ import annotations

import pytest

from portal.contacts.files import ReadChoices, open_table
from tests.contacts.sample_files import as_csv, plain_rows, refusal

PHONE, OTHER = "+12025550101", "+12025550102"


@pytest.mark.parametrize(
    ("rows", "header_row", "header"),
    [
        ([["phone", "name"], [PHONE, "Ana"]], 1, ["phone", "name"]),
        ([["Spring campaign"], [], ["phone", "name", "city"], [PHONE, "Ana", "Rome"]], 3, ["phone", "name", "city"]),
        ([["Contacts, 2026", "by Ana"], ["phone", "name", "city"], [PHONE, "A", "R"]], 2, ["phone", "name", "city"]),
        ([["name", "phone"], ["Ana", ""], ["Bo", PHONE]], 1, ["name", "phone"]),
        ([["phone", "", "name"], ["", "x", "Ana"], [PHONE, "y", "Bo"]], 1, ["phone", "Column 2", "name"]),
        ([[PHONE, "Ana"], [OTHER, "Bo"]], 0, ["Column 1", "Column 2"]),
        ([["Ana", "030 23125010"], ["Bo", "030 23125011"]], 0, ["Column 1", "Column 2"]),
        ([["ana@example.com", "Ana"], ["bo@example.com", "Bo"]], 0, ["Column 1", "Column 2"]),
        ([["p:+12025550101", "", "x"], ["p:+12025550102", "", "y"]], 0, ["Column 1", "Column 3"]),
        ([["phone", "2026-03-01", "01.04.2026"], [PHONE, "x", "y"]], 1, ["phone", "2026-03-01", "01.04.2026"]),
        ([["phone", "2025", "2026"], [PHONE, "1", "2"]], 1, ["phone", "2025", "2026"]),
        ([["phone"]], 1, ["phone"]),
        ([["phone"], ["1"], ["2"]], 1, ["phone"]),
    ],
)
def test_the_header_row_is_found(rows: list[list[str]], header_row: int, header: list[str]) -> None:
    table = open_table(as_csv(rows), "a.csv")
    assert (table.header_row, table.header, table.header_guessed) == (header_row, header, True)
    assert [row.number for row in table.rows()] == [
        number for number, row in enumerate(rows, 1) if number > header_row and any(row)
    ]


def test_the_header_row_can_be_chosen() -> None:
    content = f"a,b\nphone,name\n\n{PHONE},Ana\n".encode()
    table = open_table(content, "a.csv", ReadChoices(header_row=2))
    assert (table.header, table.header_guessed, plain_rows(table)) == (["phone", "name"], False, [(4, [PHONE, "Ana"])])
    bare = open_table(content, "a.csv", ReadChoices(header_row=0))
    assert bare.header == ["Column 1", "Column 2"]
    assert bare.row_count == 3
    for row in (3, 9):
        assert refusal(content, "a.csv", ReadChoices(header_row=row)) == (
            f"headerRow must be a row with column names; row {row} is blank or missing"
        )
    assert "headerRow must be" in refusal(content, "a.csv", ReadChoices(header_row=-1))


@pytest.mark.parametrize(
    ("names", "header"),
    [
        (["phone", "Notes", "Notes"], ["phone", "Notes", "Notes (2)"]),
        (["phone", " Notes", "Notes ", "Notes"], ["phone", "Notes", "Notes (2)", "Notes (3)"]),
        (["phone", "Notes", "Notes (2)", "Notes"], ["phone", "Notes", "Notes (2)", "Notes (3)"]),
        (["phone", "Notes", "notes"], ["phone", "Notes", "notes"]),
        (["phone", "", "Column 2"], ["phone", "Column 2", "Column 2 (2)"]),
        (["Phone\nNumber", "First\r\nName"], ["Phone Number", "First Name"]),
        (["\ufeffphone", "\u200bna\u200bme\u00a0\u202f"], ["phone", "name"]),
        (["phone", "First\u00a0\tName"], ["phone", "First Name"]),
        (["phone", "می\u200cخواهم"], ["phone", "می\u200cخواهم"]),
    ],
)
def test_column_names_are_distinct_and_without_invisible_characters(names: list[str], header: list[str]) -> None:
    content = as_csv([names, [PHONE, *["x"] * (len(names) - 1)]])
    assert open_table(content, "a.csv").header == header

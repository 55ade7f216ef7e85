"""Contact files of each kind as tables: detected formats, cell values, and column names."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.contacts import file_limits
from portal.contacts.csv_text import DELIMITERS
from portal.contacts.encodings import ENCODINGS
from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import PROBLEM_COLUMN, ContactFileKind, ReadChoices, open_table
from portal.contacts.formulas import escape_formula
from portal.contacts.rows import CellKind
from tests.contacts.sample_files import MAKERS, as_csv, as_xls, as_xlsx, plain_rows

ROWS = [["phone", "name"], ["+12025550101", "Ana"], ["+12025550102", "João"]]


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind_gives_the_same_table(kind: str) -> None:
    table = open_table(MAKERS[kind](ROWS), f"Calls.{kind.upper()}")
    assert table.kind == ContactFileKind(kind)
    assert table.header == ["phone", "name"]
    assert plain_rows(table) == [(2, ["+12025550101", "Ana"]), (3, ["+12025550102", "João"])]
    assert plain_rows(table) == plain_rows(table)  # the rows can be read repeatedly


@pytest.mark.parametrize("kind", MAKERS)
def test_blank_rows_are_left_out_and_counted(kind: str) -> None:
    table = open_table(MAKERS[kind]([["phone", "name"], [], ["1", "a"], ["", " "], ["2"]]), f"a.{kind}")
    assert plain_rows(table) == [(3, ["1", "a"]), (5, ["2", ""])]


@pytest.mark.parametrize("kind", ["xls", "xlsx"])
def test_a_sheet_may_begin_further_down_and_to_the_right(kind: str) -> None:
    table = open_table(MAKERS[kind]([[], [], ["", "phone", "", ""], ["", "1", "", "x"]]), f"a.{kind}")
    assert table.header == ["phone", "Column 4"]
    assert plain_rows(table) == [(4, ["1", "x"])]


def test_the_cells_of_a_workbook_have_their_displayed_text() -> None:
    moments = [
        date(2025, 5, 1),
        datetime.fromisoformat("2025-05-01T12:00:01"),
        timedelta(hours=30, seconds=5),
        time(9, 30),
    ]
    rows = [list("abcdefghij"), [12025550101.0, 0.1 + 0.2, -3, True, False, *moments, "=SUM(1,2)"]]
    formats = {"F": "yyyy-mm-dd", "G": "yyyy-mm-dd hh:mm:ss", "H": "[h]:mm:ss", "I": "hh:mm"}
    table = open_table(as_xlsx(rows, **formats), "a.xlsx")
    assert next(table.rows()).cells == [
        *("12025550101", "0.3", "-3", "TRUE", "FALSE"),
        *("2025-05-01", "2025-05-01 12:00:01", "30:00:05", "09:30:00", "0"),
    ]
    assert plain_rows(open_table(as_xls([["a", "b"], [12025550101, True]]), "a.xls")) == [(2, ["12025550101", "TRUE"])]


def test_line_breaks_within_a_cell_are_preserved_and_records_are_counted() -> None:
    table = open_table(b'phone,note\r\n1,"a\r\nb"\r\n2,c\r\n', "a.csv")
    assert plain_rows(table) == [(2, ["1", "a\r\nb"]), (3, ["2", "c"])]
    assert plain_rows(open_table(b"phone\r1\r2", "a.csv")) == [(2, ["1"]), (3, ["2"])]


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_detected(delimiter: str) -> None:
    rows = [["phone", "sum", "note"], ["1", "1,5", 'a; b\t"c" | d'], ["2", "2,5", "x, y"], ["3", "3", ""]]
    table = open_table(as_csv(rows, delimiter), "a.csv")
    assert table.delimiter == delimiter
    assert [row.cells for row in table.rows()] == rows[1:]


def test_one_column_needs_no_delimiter_and_another_can_be_chosen() -> None:
    assert open_table(b"phone\n1\n2\n", "a.csv").delimiter == ","
    assert open_table(b"a;b,c;d\n", "a.csv", ReadChoices(delimiter=",")).header == ["a;b", "c;d"]


def test_columns_without_a_name_get_one_if_they_have_content() -> None:
    table = open_table(b"phone,,name,,\n1,,a,x,\n2,,b\n3,,c,,,,\n4,,d,,,y,\n", "a.csv")
    assert table.header == ["phone", "name", "Column 4"]
    assert [row.cells for row in table.rows()] == [
        ["1", "a", "x"],
        ["2", "b", ""],
        ["3", "c", ""],
        ["4", "d", "", "y"],
    ]


@pytest.mark.parametrize("kind", MAKERS)
def test_only_the_problem_column_of_the_portals_own_export_is_left_out(kind: str) -> None:
    table = open_table(MAKERS[kind]([["phone", "name", PROBLEM_COLUMN], ["1", "a", "phone is odd"]]), f"a.{kind}")
    assert table.header == ["phone", "name"]
    assert plain_rows(table) == [(2, ["1", "a"])]
    assert open_table(b"phone,problem\n1,boiler leaks\n", "a.csv").header == ["phone", "problem"]


plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1)


@given(st.lists(st.lists(plain | st.just('a\nb, "c"; \'\t|'), min_size=3, max_size=3), max_size=9), st.data())
def test_rows_written_as_csv_read_the_same(rows: list[list[str]], data: st.DataObject) -> None:
    delimiter = data.draw(st.sampled_from(list(DELIMITERS)))
    content = as_csv([["phone", "name", "note"], *rows], delimiter)
    table = open_table(content, "a.csv", ReadChoices("utf-8", delimiter, header_row=1))
    assert plain_rows(table) == list(enumerate(rows, 2))


@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a", "a.ods"]), st.sampled_from(["", *ENCODINGS]))
def test_any_text_file_is_a_table_or_refused(content: bytes, name: str, encoding: str) -> None:
    try:
        table = open_table(content, name, ReadChoices(encoding))
    except ContactFileError:
        return
    assert table.encoding in ENCODINGS
    assert len(set(table.header)) == len(table.header) > 0
    assert all(len(row.cells) >= len(table.header) for row in table.rows())


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_long_text_file_is_read_row_by_row(delimiter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_limits, "MAX_LINE_LENGTH", 100)  # the amount read at once
    content = f"phone{delimiter}name\n".encode() + f"1{delimiter}a\n".encode() * 50_000
    assert sum(1 for _ in open_table(content, "a.csv").rows()) == 50_000


@pytest.mark.parametrize("name", ["a.tsv", "a.txt", "A.TXT", "a.csv"])
def test_text_files_have_several_extensions(name: str) -> None:
    table = open_table(b"phone\tname\n+12025550101\tAna, Bo\n", name)
    assert (table.delimiter, plain_rows(table)) == ("\t", [(2, ["+12025550101", "Ana, Bo"])])


@pytest.mark.parametrize(
    ("text", "header", "delimiter"),
    [
        ("sep=;\r\nphone;name\r\n+12025550101;Ana\r\n", ["phone", "name"], ";"),
        ('"SEP=|"\nphone|name\n+12025550101|Ana\n', ["phone", "name"], "|"),
        ("sep=\t\nphone\tname\n+12025550101\tAna", ["phone", "name"], "\t"),
        ("Telefon;Name, Vorname\n+493023125010;Muster, Max\n", ["Telefon", "Name, Vorname"], ";"),
        ("Telefon;Name,Vorname\n+493023125010;Muster,Max\n", ["Telefon", "Name,Vorname"], ";"),
        ("Name, Vorname\tTelefon\nMuster, Max\t030 23125010\n", ["Name, Vorname", "Telefon"], "\t"),
        ("name;price;phone\nAna;1,50;030 23125010\nBo;2,75;030 23125011\n", ["name", "price", "phone"], ";"),
        ("phone, name\n+12025550101, Ana\n", ["phone", "name"], ","),
        ("Contacts of March\n\nphone;name\n+12025550101;Ana\n+12025550102;Bo\n", ["phone", "name"], ";"),
        ('phone,note\n+12025550101,"a; b; c"\n+12025550102,"d; e"\n', ["phone", "note"], ","),
        ("phone\n+12025550101\n", ["phone"], ","),
    ],
)
def test_the_delimiter_is_detected_from_names_and_cells(text: str, header: list[str], delimiter: str) -> None:
    table = open_table(text.encode(), "a.csv")
    assert (table.header, table.delimiter) == (header, delimiter)


def test_rows_are_counted_without_the_line_sep() -> None:
    table = open_table(b"sep=;\nphone;name\n1;a\n", "a.csv")
    assert (table.header_row, plain_rows(table)) == (1, [(2, ["1", "a"])])
    assert open_table(b"sep=;\nphone,name\n1,a\n", "a.csv", ReadChoices(delimiter=",")).header == ["phone", "name"]


@pytest.mark.parametrize(
    ("line", "cells"),
    [
        ('1,"Bob" Smith,x', ["1", "Bob Smith", "x"]),
        ('1,5" screen,x', ["1", '5" screen', "x"]),
        ('1,Bob "The Builder" Smith,x', ["1", 'Bob "The Builder" Smith', "x"]),
        ('1,"say ""hi""" now,x', ["1", 'say "hi" now', "x"]),
    ],
)
def test_stray_quotation_marks_are_read_as_excel_reads_them(line: str, cells: list[str]) -> None:
    table = open_table(f"phone,name,note\n{line}\n2,Ana,y\n".encode(), "a.csv")
    assert plain_rows(table) == [(2, cells), (3, ["2", "Ana", "y"])]


@pytest.mark.parametrize("rest", ["2,Ana,y\n3,Cy,z\n", '2,"Ana",y\n3,"Cy",z\n', '2,Ana,y\n3,"C, y",z\n'])
def test_a_quotation_mark_that_is_never_closed_concerns_one_row(rest: str) -> None:
    table = open_table(f'phone,name,note\n1,"Bob,x\n{rest}'.encode(), "a.csv")
    rows = list(table.rows())
    assert [row.number for row in rows] == [2, 3, 4]
    assert rows[0] == (2, ["1", '"Bob', "x"], {1: CellKind.UNCLOSED_QUOTE}, False)
    assert [row.kinds for row in rows[1:]] == [{}, {}]
    assert rows[2].cells[0] == "3"


def test_a_quoted_cell_may_have_many_lines() -> None:
    note = "\n".join(["line, one"] * 200)
    table = open_table(as_csv([["phone", "note"], ["1", note], ["2", "x"]]), "a.csv")
    assert plain_rows(table) == [(2, ["1", note]), (3, ["2", "x"])]


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        ('"=""020 7946 0101"""', "020 7946 0101"),
        ('="020 7946 0102"', "020 7946 0102"),
        ("'+1 202 555 0101", "+1 202 555 0101"),
        ("'-5% off", "-5% off"),
        ("'=x", "=x"),
        ("'@home", "@home"),
        ("''=x", "'=x"),
        ("'tis", "'tis"),
        ('"\'=""x"""', '="x"'),
        ("=SUM(A1)", "=SUM(A1)"),
    ],
)
def test_escapes_of_exporters_are_removed(cell: str, text: str) -> None:
    (row,) = open_table(f"phone,note\n1,{cell}\n".encode(), "a.csv").rows()
    assert row.cells == ["1", text]


@given(st.lists(plain, min_size=1, max_size=5))
def test_text_in_an_export_reads_the_same(texts: list[str]) -> None:
    content = as_csv([["phone", "note"], *[["1", escape_formula(text)] for text in texts]])
    table = open_table(content, "a.csv", ReadChoices("utf-8", ",", header_row=1))
    assert [text for row in table.rows() for text in row.cells[1:]] == texts

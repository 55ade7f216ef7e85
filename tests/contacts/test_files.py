"""Contact files of each kind as tables: detected formats, cell values, and column names."""

from __future__ import annotations

import codecs
from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.contacts import file_limits
from portal.contacts.csv_text import DELIMITERS
from portal.contacts.encodings import ENCODINGS
from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import ContactFileKind, ReadChoices, open_table
from tests.contacts.sample_files import MAKERS, as_csv, as_xls, as_xlsx

ROWS = [["phone", "name"], ["+12025550101", "Ana"], ["+12025550102", "João"]]


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind_gives_the_same_table(kind: str) -> None:
    table = open_table(MAKERS[kind](ROWS), f"Calls.{kind.upper()}")
    assert table.kind == ContactFileKind(kind)
    assert table.header == ["phone", "name"]
    assert list(table.rows()) == [(2, ["+12025550101", "Ana"]), (3, ["+12025550102", "João"])]
    assert list(table.rows()) == list(table.rows())  # the rows can be read repeatedly


@pytest.mark.parametrize("kind", MAKERS)
def test_blank_rows_are_left_out_and_counted(kind: str) -> None:
    table = open_table(MAKERS[kind]([["phone", "name"], [], ["1", "a"], ["", " "], ["2"]]), f"a.{kind}")
    assert list(table.rows()) == [(3, ["1", "a"]), (5, ["2", ""])]


@pytest.mark.parametrize("kind", ["xls", "xlsx"])
def test_a_sheet_may_begin_further_down_and_to_the_right(kind: str) -> None:
    table = open_table(MAKERS[kind]([[], [], ["", "phone", "", ""], ["", "1", "", "x"]]), f"a.{kind}")
    assert table.header == ["phone", "Column 4"]
    assert list(table.rows()) == [(4, ["1", "x"])]


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
    assert next(table.rows()) == (
        2,
        [
            *("12025550101", "0.3", "-3", "TRUE", "FALSE"),
            *("2025-05-01", "2025-05-01 12:00:01", "30:00:05", "09:30:00", "0"),
        ],
    )
    assert next(open_table(as_xls([["a", "b"], [12025550101, True]]), "a.xls").rows()) == (2, ["12025550101", "TRUE"])


def test_line_breaks_within_a_cell_are_preserved_and_records_are_counted() -> None:
    table = open_table(b'phone,note\r\n1,"a\r\nb"\r\n2,c\r\n', "a.csv")
    assert list(table.rows()) == [(2, ["1", "a\r\nb"]), (3, ["2", "c"])]
    assert list(open_table(b"phone\r1\r2", "a.csv").rows()) == [(2, ["1"]), (3, ["2"])]


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        ("phone,José".encode(), "utf-8"),
        ("phone,José".encode("utf-8-sig"), "utf-8"),
        (codecs.BOM_UTF16_LE + "phone,José".encode("utf-16-le"), "utf-16"),
        (codecs.BOM_UTF16_BE + "phone,José".encode("utf-16-be"), "utf-16"),
        ("phone,José".encode("cp1252"), "cp1252"),
        ("phone,José".encode("latin-1") + b",\x81", "latin-1"),
    ],
)
def test_the_encoding_is_detected(content: bytes, encoding: str) -> None:
    content = content.replace(b"\x81", b"x\n1,2,\x81") if encoding == "latin-1" else content
    table = open_table(content, "a.csv")
    assert table.encoding == encoding
    assert table.header[:2] == ["phone", "José"]
    assert open_table(content, "a.csv", ReadChoices(encoding)).header == table.header


@pytest.mark.parametrize("encoding", ["cp1250", "cp1251", "iso-8859-15", "utf-16"])
def test_a_chosen_encoding_is_used(encoding: str) -> None:
    word = {"cp1250": "Łódź", "cp1251": "Имя", "iso-8859-15": "cœur€", "utf-16": "Имя"}[encoding]
    table = open_table(as_csv([["phone", word]], encoding=encoding), "a.csv", ReadChoices(encoding))
    assert (table.header, table.encoding) == (["phone", word], encoding)
    assert encoding in ENCODINGS


@pytest.mark.parametrize("delimiter", DELIMITERS)
def test_the_delimiter_is_detected(delimiter: str) -> None:
    rows = [["phone", "sum", "note"], ["1", "1,5", 'a; b\t"c" | d'], ["2", "2,5", "x, y"], ["3", "3", ""]]
    table = open_table(as_csv(rows, delimiter), "a.csv")
    assert table.delimiter == delimiter
    assert [cells for _, cells in table.rows()] == rows[1:]


def test_one_column_needs_no_delimiter_and_another_can_be_chosen() -> None:
    assert open_table(b"phone\n1\n2\n", "a.csv").delimiter == ","
    assert open_table(b"a;b,c;d\n", "a.csv", ReadChoices(delimiter=",")).header == ["a;b", "c;d"]


def test_columns_without_a_name_get_one_if_they_have_content() -> None:
    table = open_table(b"phone,,name,,\n1,,a,x,\n2,,b\n3,,c,,,,\n4,,d,,,y,\n", "a.csv")
    assert table.header == ["phone", "name", "Column 4"]
    assert [cells for _, cells in table.rows()] == [
        ["1", "a", "x"],
        ["2", "b", ""],
        ["3", "c", ""],
        ["4", "d", "", "y"],
    ]


@pytest.mark.parametrize("kind", MAKERS)
def test_the_problem_column_of_a_corrected_file_is_ignored(kind: str) -> None:
    table = open_table(MAKERS[kind]([["phone", "name", "problem"], ["1", "a", "phone is odd"]]), f"a.{kind}")
    assert table.header == ["phone", "name"]
    assert list(table.rows()) == [(2, ["1", "a"])]
    assert open_table(b"problem,phone\nx,1\n", "a.csv").header == ["problem", "phone"]


plain = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zs", "Zl", "Zp"]), min_size=1)


@given(st.lists(st.lists(plain | st.just('a\nb, "c"; \'\t|'), min_size=3, max_size=3), max_size=9), st.data())
def test_rows_written_as_csv_read_the_same(rows: list[list[str]], data: st.DataObject) -> None:
    delimiter = data.draw(st.sampled_from(list(DELIMITERS)))
    content = as_csv([["phone", "name", "note"], *rows], delimiter)
    found = open_table(content, "a.csv", ReadChoices("utf-8", delimiter)).rows()
    assert list(found) == list(enumerate(rows, 2))


@given(st.binary(max_size=300), st.sampled_from(["a.csv", "a", "a.ods"]), st.sampled_from(["", *ENCODINGS]))
def test_any_text_file_is_a_table_or_refused(content: bytes, name: str, encoding: str) -> None:
    try:
        table = open_table(content, name, ReadChoices(encoding))
    except ContactFileError:
        return
    assert table.encoding in ENCODINGS
    assert len(set(table.header)) == len(table.header) > 0
    assert all(len(cells) >= len(table.header) for _, cells in table.rows())


@pytest.mark.parametrize("delimiter", [",", ";"])
def test_a_long_text_file_is_read_row_by_row(delimiter: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_limits, "MAX_LINE_LENGTH", 100)  # the amount read at once
    content = f"phone{delimiter}name\n".encode() + f"1{delimiter}a\n".encode() * 50_000
    assert sum(1 for _ in open_table(content, "a.csv").rows()) == 50_000

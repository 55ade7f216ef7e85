"""Files that are refused: no contact files, files beyond the limits, and damaged ones."""

from __future__ import annotations

import io
import struct
import subprocess
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.contacts import file_limits, workbooks
from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import PROBLEM_COLUMN, ReadChoices, open_table
from tests.contacts.sample_files import MAKERS, as_csv, as_xls, as_xlsx, readable_or_refused, refusal, with_parts

ROWS = [["phone", "name"], ["+12025550101", "Ana"]]
XLSX, XLS = as_xlsx(ROWS), as_xls(ROWS)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.csv", "is empty"),
        (b"", "a.xlsx", "is empty"),
        (b"\xef\xbb\xbf", "a.csv", "is empty"),
        (b"\n \n,,\n", "a.csv", "is empty"),
        (as_xlsx([]), "a.xlsx", "is empty"),
        (as_xls([]), "a.xls", "is empty"),
        (as_csv(ROWS), "a.ods", "must be a .csv, .tsv, .txt, .xls or .xlsx file"),
        (as_csv(ROWS), "csv", "must be a .csv, .tsv, .txt, .xls or .xlsx file"),
        (as_csv(ROWS), "", "must be a .csv, .tsv, .txt, .xls or .xlsx file"),
        (XLSX, "a.txt", "is a workbook, not text; save it as CSV, or rename it to .xlsx"),
        (XLS, "a.csv", "is a workbook, not text; save it as CSV, or rename it to .xls"),
        (XLSX, "a.xls", "is named .xls but is not an .xls workbook"),
        (XLS, "a.xlsx", "is an .xls workbook, or has a password"),
        (as_csv(ROWS), "a.xlsx", "is named .xlsx but is not an .xlsx workbook"),
        (b"<table><tr><td>phone</td></tr></table>", "a.xls", "is named .xls but is not an .xls workbook"),
        (b"phone\n1\x002\n", "a.csv", "line 2 of the file contains a NUL character"),
        (b"phone,na\x07me\n", "a.csv", "the name of column 2 in row 1 must not hold a control character; remove it"),
        (f"{PROBLEM_COLUMN}\nx\n".encode(), "a.csv", "row 1 is the header but has no column names"),
        (b"sep=^\nphone^name\n", "a.csv", "the line sep=^ must name a comma, semicolon, tab, vertical bar"),
    ],
)
def test_a_file_without_contacts_is_refused_with_a_reason(content: bytes, name: str, message: str) -> None:
    assert message in refusal(content, name)


@pytest.mark.parametrize(
    ("choices", "name", "message", "field"),
    [
        (ReadChoices(delimiter="x"), "a.csv", "delimiter must be a comma, semicolon, tab, vertical bar", "delimiter"),
        (ReadChoices(hidden="show"), "a.xlsx", "hidden must be one of skip, include", "hidden"),
        (ReadChoices(sheet="Two"), "a.xlsx", "sheet must be one of Sheet1", "sheet"),
        (ReadChoices(sheet="Two"), "a.xls", "sheet must be one of calls", "sheet"),
        (ReadChoices(sheet="Two"), "a.csv", "sheet can only be chosen for a workbook", "sheet"),
        (ReadChoices(encoding="utf-8"), "a.xlsx", "encoding can only be chosen for a text file", "encoding"),
        (ReadChoices(delimiter=","), "a.xls", "delimiter can only be chosen for a text file", "delimiter"),
    ],
)
def test_an_impossible_choice_is_refused_by_its_name(choices: ReadChoices, name: str, message: str, field: str) -> None:
    with pytest.raises(ContactFileError, match=message) as caught:
        open_table(MAKERS[name.partition(".")[2]](ROWS), name, choices)
    assert caught.value.field == field


@pytest.mark.parametrize("kind", MAKERS)
def test_rows_columns_and_cells_have_limits(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, name = MAKERS[kind], f"a.{kind}"
    monkeypatch.setattr(file_limits, "MAX_ROWS", 3)
    assert len(list(open_table(make([["phone"], *[["1"]] * 3]), name).rows())) == 3
    assert refusal(make([["phone"], *[["1"]] * 4]), name) == "the file has more than 3 rows; split it"
    monkeypatch.setattr(file_limits, "MAX_COLUMNS", 4)
    assert open_table(make([list("abcd"), list("1234")]), name).header == list("abcd")
    assert refusal(make([list("abcd"), list("12345")]), name) == "row 2 of the file has more than 4 columns"
    monkeypatch.setattr(file_limits, "MAX_CELL_LENGTH", 20)
    assert open_table(make([["phone"], ["1" * 20]]), name).header == ["phone"]
    assert refusal(make([["phone"], ["1" * 21]]), name) == "row 2 of the file has a cell of more than 20 characters"


def test_the_limits_are_those_in_the_documentation() -> None:
    assert (file_limits.MAX_COLUMNS, file_limits.MAX_ROWS, file_limits.MAX_CELL_LENGTH) == (200, 200_000, 10_000)


def test_a_text_file_without_line_ends_is_not_read_whole() -> None:
    assert "line 1 of the file has more than 2,100,000 characters" in refusal(b"1," * 2_000_000, "a.csv")


def test_a_sheet_that_spans_too_many_cells_or_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in ("xls", "xlsx"):
        monkeypatch.setattr(file_limits, "MAX_CELLS", 50)
        assert refusal(MAKERS[kind]([["a", "b"], *[[]] * 24, ["", "c"]]), f"a.{kind}") == workbooks.TOO_LARGE_MESSAGE
        assert open_table(MAKERS[kind]([["a", "b"], *[[]] * 23, ["", "c"]]), f"a.{kind}").header == ["a", "b"]
        monkeypatch.undo()
    monkeypatch.setattr(file_limits, "MAX_UNPACKED", 8)
    assert refusal(XLS, "a.xls") == workbooks.TOO_LARGE_MESSAGE


def test_an_xls_workbook_with_a_cell_in_the_last_corner_is_refused() -> None:
    workbook = as_xls([["phone"], ["", 12025550101]])
    at = workbook.index(struct.pack("<HHHH", 0x0203, 14, 1, 1)) + 4  # the row and the column of the number
    corner = workbook[:at] + b"\xff\xff\xff\xff" + workbook[at + 4 :]
    assert refusal(corner, "a.xls") == workbooks.UNREADABLE_MESSAGE


def test_a_large_xls_workbook_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_limits, "MAX_XLS_BYTES", len(XLS) - 1)
    assert "is an .xls workbook of more than" in refusal(XLS, "a.xls")
    monkeypatch.setattr(file_limits, "MAX_XLS_BYTES", len(XLS))
    assert open_table(XLS, "a.xls").header == ["phone", "name"]


def test_a_workbook_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, timeout: float, **__: object) -> None:
        raise subprocess.TimeoutExpired("reader", timeout)

    monkeypatch.setattr(subprocess, "run", run)
    assert refusal(XLS, "a.xls") == workbooks.TOO_COSTLY_MESSAGE


@pytest.mark.parametrize("content", [XLS[:600], XLS[:8] + bytes(3000), XLS[:8]])
def test_a_broken_xls_workbook_is_refused(content: bytes) -> None:
    assert refusal(content, "a.xls") == workbooks.UNREADABLE_MESSAGE


def test_a_workbook_without_a_sheet_of_cells_is_refused() -> None:
    with zipfile.ZipFile(io.BytesIO(XLSX)) as archive:
        book = archive.read("xl/workbook.xml")
    start, end = book.index(b"<sheet "), book.index(b"</sheets>")
    content = with_parts(XLSX, {"xl/workbook.xml": book[:start] + book[end:]})
    assert refusal(content, "a.xlsx") == workbooks.NO_SHEET_MESSAGE


def changed(content: bytes) -> st.SearchStrategy[bytes]:
    """Return a strategy for the content with some bytes changed, removed or inserted."""
    positions = st.integers(0, len(content))

    def change(edits: list[tuple[int, int, bytes]]) -> bytes:
        result = content
        for start, length, inserted in edits:
            result = result[:start] + inserted + result[start + length :]
        return result

    edit = st.tuples(positions, st.integers(0, 8) | positions, st.binary(max_size=8))
    return st.lists(edit, min_size=1, max_size=4).map(change)


@settings(max_examples=40, deadline=None)
@given(changed(XLS) | st.binary().map(XLS[:8].__add__))
def test_a_damaged_xls_file_is_a_table_or_refused(content: bytes) -> None:
    readable_or_refused(content, "a.xls")


@settings(max_examples=60, deadline=None)
@given(changed(XLSX) | st.binary().map(XLSX[:4].__add__))
def test_a_damaged_xlsx_file_is_a_table_or_refused(content: bytes) -> None:
    readable_or_refused(content, "a.xlsx")

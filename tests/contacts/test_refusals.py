"""Files that are refused: what is no contact file, what is too much of one, and what no reader can read."""

from __future__ import annotations

import io
import struct
import subprocess
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.contacts import archives, file_limits, workbook_process, workbooks
from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import CsvFormat, open_table
from tests.contacts.sample_files import MAKERS, as_csv, as_xls, as_xlsx, refusal, with_parts

ROWS = [["phone", "name"], ["+12025550101", "Ana"]]
XLSX, XLS = as_xlsx(ROWS), as_xls(ROWS)


@pytest.mark.parametrize(
    ("content", "name", "says"),
    [
        (b"", "a.csv", "is empty"),
        (b"", "a.xlsx", "is empty"),
        (b"\xef\xbb\xbf", "a.csv", "is empty"),
        (b"\n \n,,\n", "a.csv", "is empty"),
        (as_xlsx([]), "a.xlsx", "is empty"),
        (as_xls([]), "a.xls", "is empty"),
        (as_csv(ROWS), "a.ods", "must be a .csv, .xls or .xlsx file"),
        (as_csv(ROWS), "csv", "must be a .csv, .xls or .xlsx file"),
        (as_csv(ROWS), "", "must be a .csv, .xls or .xlsx file"),
        (XLSX, "a.csv", "is a workbook and not text; save it as CSV, or name it .xlsx"),
        (XLS, "a.csv", "is a workbook and not text; save it as CSV, or name it .xls"),
        (XLSX, "a.xls", "is not an .xls workbook"),
        (XLS, "a.xlsx", "is an .xls workbook, or has a password"),
        (as_csv(ROWS), "a.xlsx", "is not an .xlsx workbook"),
        (b"<table><tr><td>phone</td></tr></table>", "a.xls", "is not an .xls workbook"),
        (b"phone\n1\x002\n", "a.csv", "holds a NUL character"),
        ("phone,name".encode("utf-16-le"), "a.csv", "holds a NUL character"),
        (b'phone,name\n1,"a\n', "a.csv", "row 2 of the file is not CSV"),
        (b'phone,name\n1,"a"b\n', "a.csv", "row 2 of the file is not CSV"),
        (b"phone,name,phone\n", "a.csv", "the name of column 3 is that of column 1 already"),
        (b"phone, phone \n", "a.csv", "the name of column 2 is that of column 1 already"),
        (b"phone,,Column 2\n1,2,3\n", "a.csv", "the name of column 3 is that of column 2 already"),
        (b"phone,na\x07me\n", "a.csv", "the name of column 2 must not hold a control character"),
        (b'phone,"first\nname"\n', "a.csv", "the name of column 2 must not hold a control character"),
        (b"problem\nx\n", "a.csv", "names no column"),
    ],
)
def test_what_is_no_contact_file_is_refused_with_a_reason(content: bytes, name: str, says: str) -> None:
    assert says in refusal(content, name)


def test_text_that_is_not_in_the_chosen_encoding_is_refused() -> None:
    assert "is not UTF-8 text; choose another" in refusal(b"phone\n\xe9\n", "a.csv", CsvFormat("utf-8"))
    assert "is not UTF-16 text" in refusal(b"phone", "a.csv", CsvFormat("utf-16", ","))
    late = b"phone\n" + b"1,some more text\n" * 150_000 + b"\xe9\n"
    assert "is not UTF-8 text" in refusal(late, "a.csv", CsvFormat("utf-8"))


@pytest.mark.parametrize(
    "how", [CsvFormat("rot13"), CsvFormat("idna"), CsvFormat(delimiter="x"), CsvFormat(delimiter=",,")]
)
def test_a_reading_that_cannot_be_chosen_is_refused(how: CsvFormat) -> None:
    assert "none that can be chosen" in refusal(as_csv(ROWS), "a.csv", how)


@pytest.mark.parametrize("kind", MAKERS)
def test_rows_columns_and_cells_have_limits(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make, name = MAKERS[kind], f"a.{kind}"
    monkeypatch.setattr(file_limits, "MAX_ROWS", 3)
    assert len(list(open_table(make([["phone"], *[["1"]] * 3]), name).rows())) == 3
    assert refusal(make([["phone"], *[["1"]] * 4]), name) == "the file has more than 3 rows; divide it"
    monkeypatch.setattr(file_limits, "MAX_COLUMNS", 4)
    assert open_table(make([list("abcd"), list("1234")]), name).header == list("abcd")
    assert refusal(make([list("abcd"), list("12345")]), name) == "row 2 of the file has more than 4 columns"
    monkeypatch.setattr(file_limits, "MAX_CELL_LENGTH", 20)
    assert open_table(make([["phone"], ["1" * 20]]), name).header == ["phone"]
    assert refusal(make([["phone"], ["1" * 21]]), name) == "row 2 of the file has a cell of more than 20 characters"


def test_the_limits_are_as_they_are_told() -> None:
    assert (file_limits.MAX_COLUMNS, file_limits.MAX_ROWS, file_limits.MAX_CELL_LENGTH) == (200, 200_000, 10_000)


def test_a_text_file_without_line_ends_is_not_read_whole() -> None:
    assert "has a line of more than 2,100,000 characters" in refusal(b"1," * 2_000_000, "a.csv")


def test_a_sheet_that_spans_too_many_cells_or_too_much_text_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    says = "the file's first sheet is too big; divide it, or save it as CSV"
    for kind in ("xls", "xlsx"):
        monkeypatch.setattr(file_limits, "MAX_CELLS", 50)
        assert refusal(MAKERS[kind]([["a", "b"], *[[]] * 24, ["", "c"]]), f"a.{kind}") == says
        assert open_table(MAKERS[kind]([["a", "b"], *[[]] * 23, ["", "c"]]), f"a.{kind}").header == ["a", "b"]
        monkeypatch.undo()
    monkeypatch.setattr(file_limits, "MAX_UNPACKED", 8)
    assert refusal(XLS, "a.xls") == says


def test_an_xls_workbook_with_a_cell_in_the_last_corner_is_refused() -> None:
    workbook = as_xls([["phone"], ["", 12025550101]])
    at = workbook.index(struct.pack("<HHHH", 0x0203, 14, 1, 1)) + 4  # the row and the column of the number
    corner = workbook[:at] + b"\xff\xff\xff\xff" + workbook[at + 4 :]
    assert refusal(corner, "a.xls") == workbooks.TOO_MUCH  # its reader asks for 100 GB, and aborts


def test_an_xls_workbook_has_a_greatest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_limits, "MAX_XLS_BYTES", len(XLS) - 1)
    assert "is an .xls workbook of more than" in refusal(XLS, "a.xls")
    monkeypatch.setattr(file_limits, "MAX_XLS_BYTES", len(XLS))
    assert open_table(XLS, "a.xls").header == ["phone", "name"]


def test_a_reader_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*_: object, timeout: float, **__: object) -> None:
        raise subprocess.TimeoutExpired("reader", timeout)

    monkeypatch.setattr(subprocess, "run", run)
    assert refusal(XLS, "a.xls") == workbooks.TOO_MUCH


@pytest.mark.parametrize("content", [XLS[:600], XLS[:8] + bytes(3000), XLS[:8]])
def test_a_broken_xls_workbook_is_refused(content: bytes) -> None:
    assert refusal(content, "a.xls") == archives.UNREADABLE


def test_a_workbook_without_a_sheet_of_cells_is_refused() -> None:
    with zipfile.ZipFile(io.BytesIO(XLSX)) as archive:
        book = archive.read("xl/workbook.xml")
    start, end = book.index(b"<sheet "), book.index(b"</sheets>")
    content = with_parts(XLSX, {"xl/workbook.xml": book[:start] + book[end:]})
    assert refusal(content, "a.xlsx") == "the file has no sheet of cells"
    with pytest.raises(SystemExit) as left:
        workbook_process.first_sheet(type("Workbook", (), {"sheets_metadata": []})())
    assert left.value.code == workbook_process.NO_SHEET


def changed(content: bytes) -> st.SearchStrategy[bytes]:
    """The content with some bytes changed, cut off or put in."""
    places = st.integers(0, len(content))

    def change(edits: list[tuple[int, int, bytes]]) -> bytes:
        found = content
        for start, length, put in edits:
            found = found[:start] + put + found[start + length :]
        return found

    edit = st.tuples(places, st.integers(0, 8) | places, st.binary(max_size=8))
    return st.lists(edit, min_size=1, max_size=4).map(change)


@settings(max_examples=40, deadline=None)
@given(changed(XLS) | st.binary().map(XLS[:8].__add__))
def test_whatever_an_xls_file_holds_it_is_a_table_or_refused(content: bytes) -> None:
    readable_or_refused(content, "a.xls")


@settings(max_examples=60, deadline=None)
@given(changed(XLSX) | st.binary().map(XLSX[:4].__add__))
def test_whatever_an_xlsx_file_holds_it_is_a_table_or_refused(content: bytes) -> None:
    readable_or_refused(content, "a.xlsx")


def readable_or_refused(content: bytes, name: str) -> None:
    try:
        table = open_table(content, name)
    except ContactFileError:
        return
    assert all(len(cells) >= len(table.header) for _, cells in table.rows())

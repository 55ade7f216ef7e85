"""Tables as CSV and .xlsx files: values, formulas, titles and names."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from zipfile import ZipFile
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from portal.contacts.formulas import escape_formula, restore_formula
from portal.models import CallStatus
from portal.web import spreadsheets
from portal.web.spreadsheets import (
    Cell,
    Heading,
    Instant,
    make_file_name,
    sheet_title,
    write_csv,
    write_xlsx,
)

PHONE_NUMBERS = ["+12025550101", "+447700900123", "+1234567", "+123456789012345"]

PLAIN = [*PHONE_NUMBERS, "-12.5", "+12.5", "-1", "", "owner", "a=b", "12025550101", "'a", "été", "1-2", "5 + 5"]

FORMULAS = [
    "=cmd|' /C calc'!A0",
    "@SUM(1)",
    "+1+1",
    "-2+3",
    "-",
    "\t=1",
    "\r=1",
    "\n=1",
    "  =1+1",
    " \tx",
    "\u00a0=1",
    "\u200b=1",
    "\ufeff=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
    "+12025550101 ",
    " +12025550101",
    "+12025550101\n",
    "+12025550101-1",
    "+0123456a",
    "+١٢٣٤٥٦٧",
    "-12.5.1",
    "-1e5",
    '=HYPERLINK("https://example.com","x")',
    "'=1",
    "''+12025550101",
]

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)


def read_csv(file: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(file.decode("utf-8-sig"), newline=""), strict=True))


def csv_rows(rows: Sequence[Sequence[Cell]], header: Sequence[str] = ("text",)) -> list[list[str]]:
    return read_csv(b"".join(write_csv("Calls", header, rows, UTC)))[1:]


def workbook(
    rows: Sequence[Sequence[Cell]], header: Sequence[str] = ("text",), title: str = "Calls", zone: tzinfo = UTC
) -> bytes:
    return b"".join(write_xlsx(title, header, rows, zone))


def sheets(file: bytes) -> dict[str, list[list[object]]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(file))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def markup(file: bytes) -> str:
    return ZipFile(io.BytesIO(file)).read("xl/worksheets/sheet1.xml").decode()


# --- formulas -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", FORMULAS)
def test_a_formula_gets_an_apostrophe(text: str) -> None:
    assert escape_formula(text) == f"'{text}"
    assert restore_formula(f"'{text}") == text


@pytest.mark.parametrize("text", PLAIN)
def test_other_text_is_unchanged(text: str) -> None:
    assert escape_formula(text) == restore_formula(text) == text


def test_csv_escapes_formulas_but_not_phone_numbers() -> None:
    rows = csv_rows([[text] for text in FORMULAS + PHONE_NUMBERS], header=["=1+1"])
    assert rows == [[f"'{text}"] for text in FORMULAS] + [[number] for number in PHONE_NUMBERS]
    assert read_csv(b"".join(write_csv("Calls", ["=1+1", "ok"], [], UTC))) == [["'=1+1", "ok"]]


def test_a_workbook_stores_formulas_and_phone_numbers_as_text() -> None:
    file = workbook([[text] for text in FORMULAS + PHONE_NUMBERS], header=["=1+1"])
    texts = [text.replace("\r", "\n") for text in FORMULAS + PHONE_NUMBERS]
    assert sheets(file)["Calls"] == [["=1+1"]] + [[text] for text in texts]
    assert "<f>" not in markup(file)
    assert markup(file).count('t="inlineStr"') == 1 + len(texts)


@pytest.mark.parametrize("text", ["<r><t>bold</t></r>", "<r></c><c><f>1+1</f></r>", "</t>&amp;", "_x0041_", "]]>"])
def test_no_text_is_markup_in_a_workbook(text: str) -> None:
    file = workbook([[text], ["next"]])
    assert "<f>" not in markup(file)
    assert [row[0].rstrip() for row in sheets(file)["Calls"]] == ["text", text, "next"]


# --- round trips ---------------------------------------------------------------------------------------------------


def test_csv_is_utf_8_with_a_byte_order_mark_commas_and_crlf() -> None:
    file = b"".join(write_csv("Calls", ["näme", "note", "n"], [["a,b", 'say "x"', 1], ["two\nlines", None, -2.5]], UTC))
    assert file == '\ufeffnäme,note,n\r\n"a,b","say ""x""",1\r\n"two\nlines",,-2.5\r\n'.encode()


@given(st.lists(st.lists(TEXTS, min_size=2, max_size=2), max_size=5))
def test_csv_round_trip(rows: list[list[str]]) -> None:
    expected = [[escape_formula(spreadsheets.replace_unwritable(text)) for text in row] for row in rows]
    assert csv_rows(rows, header=["a", "b"]) == expected


@pytest.mark.parametrize(
    ("text", "expected"), [("a\0b", "a\ufffdb"), ("\ud800", "\ufffd"), ("\ufffe\x0b", "\ufffd\ufffd")]
)
def test_unwritable_characters_are_replaced(text: str, expected: str) -> None:
    assert csv_rows([[text, "next"]]) == [[expected, "next"]]
    assert sheets(workbook([[text, "next"]], header=[text, text], title=text))[sheet_title(text)] == [
        [expected, expected],
        [expected, "next"],
    ]


def test_exact_numbers_are_numbers_in_a_workbook() -> None:
    rows = [[3, -2.5, 999_999_999_999_999], [10**15, float("inf"), None]]
    assert sheets(workbook(rows, header=["a", "b", "c"]))["Calls"][1:] == [
        [3.0, -2.5, 999_999_999_999_999.0],
        ["1000000000000000", "inf", ""],
    ]


def test_workbooks_have_labels_and_dates_where_csv_has_names_and_iso_times() -> None:
    header = [Heading("lastEventAt", "Last event ({zone})"), Heading("callStatus", "Outcome"), "{zone}"]
    rows = [[Instant(1_746_100_800_000), CallStatus.NO_ANSWER, "x"], [None, CallStatus.BUSY, None]]
    assert csv_rows(rows, header) == [["2025-05-01T12:00:00.000Z", "no-answer", "x"], ["", "busy", ""]]
    file = workbook(rows, header=header, zone=ZoneInfo("Europe/Lisbon"))
    assert sheets(file)["Calls"] == [
        ["Last event (Europe/Lisbon)", "Outcome", "{zone}"],
        [datetime.fromisoformat("2025-05-01T13:00"), "No answer", "x"],
        ["", "Busy", ""],
    ]


@pytest.mark.parametrize(("text", "expected"), [("a" * 40_000, "a" * 32_766), ("😀" * 20_000, "😀" * 16_383)])
def test_text_over_the_cell_limit_is_truncated(text: str, expected: str) -> None:
    assert sheets(workbook([[text]]))["Calls"][1] == [f"{expected}…"]
    assert csv_rows([[text]]) == [[text]]


def test_text_at_the_cell_limit_is_complete() -> None:
    texts = ["a" * 32_767, "😀" * 16_383]
    assert sheets(workbook([texts]))["Calls"][1] == texts


def test_the_header_is_bold_frozen_and_filters_all_rows() -> None:
    file = workbook([["+12025550101", 3]] * 5, header=["phoneNumber", "attempts"])
    assert 'ySplit="1"' in markup(file)
    assert 'state="frozen"' in markup(file)
    assert '<autoFilter ref="A1:B6"/>' in markup(file)
    styles = ZipFile(io.BytesIO(file)).read("xl/styles.xml").decode()
    assert "<b/>" in styles
    assert styles.count('numFmtId="49"') == 2  # "@", in the header and below, so that edited cells remain text
    assert '<c r="A2" s="2" t="inlineStr">' in markup(file)


def test_column_widths_fit_the_text_up_to_a_limit() -> None:
    file = workbook([["+12025550101", "x" * 5000, "x"]], header=["p", "transcript", "n"])
    widths = [float(part.split('"')[0]) for part in markup(file).split(' width="')[1:]]
    assert [round(width) for width in widths] == [15, 61, 9]


@pytest.mark.parametrize("header", [[], ["a"]])
def test_a_table_without_rows_is_a_valid_file(header: list[str]) -> None:
    assert read_csv(b"".join(write_csv("Calls", header, [], UTC))) == [header]
    assert sheets(workbook([], header=header)) == {"Calls": [header] if header else []}


def test_too_many_columns_are_rejected() -> None:
    with pytest.raises(ValueError, match="at most 16,384 columns"):
        workbook([], header=["a"] * 16_385)


# --- sheets and names -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "lengths"), [(3, [3]), (4, [3, 1]), (7, [3, 3, 1])])
def test_more_rows_than_a_sheet_has_use_more_sheets(
    monkeypatch: pytest.MonkeyPatch, rows: int, lengths: list[int]
) -> None:
    monkeypatch.setattr(spreadsheets, "MAX_SHEET_ROWS", 3)
    pages = sheets(workbook([[str(number)] for number in range(rows)]))
    assert list(pages) == ["Calls", "Calls 2", "Calls 3"][: len(lengths)]
    assert [len(sheet) - 1 for sheet in pages.values()] == lengths
    assert all(sheet[0] == ["text"] for sheet in pages.values())
    assert [row[0] for sheet in pages.values() for row in sheet[1:]] == [str(number) for number in range(rows)]


@pytest.mark.parametrize(
    ("title", "number", "expected"),
    [
        ("Calls", 1, "Calls"),
        ("Calls", 12, "Calls 12"),
        ("a[b]c:d*e?f/g\\h", 1, "a b c d e f g h"),
        ("'quoted'", 1, "quoted"),
        ("", 1, "Export"),
        ("HISTORY", 2, "Export 2"),
        ("x" * 40, 1, "x" * 30 + "…"),
        ("x" * 40, 2, "x" * 28 + "… 2"),
        ("😀" * 20, 1, "😀" * 15 + "…"),
    ],
)
def test_sheet_titles_are_valid_in_excel(title: str, number: int, expected: str) -> None:
    assert sheet_title(title, number) == expected


@settings(max_examples=25)
@given(st.text(max_size=50))
def test_every_title_gives_a_valid_workbook(title: str) -> None:
    assert list(sheets(workbook([["a"]], title=title)).values()) == [[["text"], ["a"]]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Été 2025", "Été-2025.csv"),
        ("E\u0301te\u0301", "Été.csv"),
        ("हिन्दी 営業", "हिन्दी-営業.csv"),
        ("../../etc/passwd", "etc-passwd.csv"),
        ('a"; filename="b', "a-filename-b.csv"),
        ("invoice\u202egpj", "invoice-gpj.csv"),
        ("a\r\nb\0c\ud800", "a-b-c.csv"),
        ("v1.2_final", "v1.2_final.csv"),
        ("", "export.csv"),
        ("???", "export.csv"),
        ("x" * 100, "x" * 76 + ".csv"),
    ],
)
def test_file_names_are_safe(name: str, expected: str) -> None:
    assert make_file_name(name, "csv") == expected

"""Checked rows of a contact file: contacts, duplicates, invalid cells, and the file of invalid rows."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from portal.contacts import validation
from portal.contacts.contact_columns import ContactColumns
from portal.contacts.file_report import Contact, CountryCount, Duplicate, InvalidCell, ReasonCount
from portal.contacts.files import PROBLEM_COLUMN, Table, open_table
from portal.contacts.number_problems import NumberProblem
from portal.contacts.rows import CellKind, Row
from portal.contacts.validation import build_report, invalid_rows, validate_rows
from tests.contacts.sample_files import MAKERS, as_csv

HEADER = ["name", "phoneNumber", "city"]
PHONE = ContactColumns("phoneNumber")
GOOD, OTHER = "+12025550101", "+12025550102"


def valid_contacts(table: Table, region: str) -> list[Contact]:
    return [
        result for result in validate_rows(table, ContactColumns("phoneNumber", region)) if isinstance(result, Contact)
    ]


def table_of(*rows: list[str]) -> Table:
    return open_table(as_csv([HEADER, *rows]), "a.csv")


@pytest.mark.parametrize("kind", MAKERS)
def test_every_kind_of_file_gives_the_same_contacts(kind: str) -> None:
    rows = [HEADER, ["Ana", 12025550101, "Faro"], [], ["João", OTHER, ""], ["again", "(202) 555-0101", "x"]]
    found = validate_rows(open_table(MAKERS[kind](rows), f"a.{kind}"), ContactColumns("phoneNumber", "US"))
    assert list(found) == [
        Contact(2, GOOD, {"name": "Ana", "city": "Faro"}),
        Contact(4, OTHER, {"name": "João", "city": ""}),
        Duplicate(5, GOOD, 2),
    ]


def test_each_invalid_cell_of_a_row_is_reported_and_its_number_is_not_a_duplicate() -> None:
    table = table_of(["a\x07", "12", "x", "", "y"], ["b", "", "x"], ["c\x85", GOOD, "x"], ["d", GOOD])
    assert list(validate_rows(table, ContactColumns("phoneNumber", "US"))) == [
        InvalidCell(2, "name", "a\x07", "must not hold a control character"),
        InvalidCell(2, "phoneNumber", "12", NumberProblem.TOO_FEW_DIGITS),
        InvalidCell(2, "Column 5", "y", "has no column header"),
        InvalidCell(3, "phoneNumber", "", "is empty"),
        InvalidCell(4, "name", "c\x85", "must not hold a control character"),
        Contact(5, GOOD, {"name": "d", "city": ""}),
    ]


def test_cells_without_a_header_are_numbered_by_their_column_in_the_file() -> None:
    table = open_table(f"phone,,name,\n{GOOD},,a,,x\n".encode(), "a.csv")
    assert list(validate_rows(table, ContactColumns("phone"))) == [
        InvalidCell(2, "Column 5", "x", "has no column header")
    ]


def test_a_lone_surrogate_is_invalid() -> None:
    class Odd(Table):
        def rows(self) -> Iterator[Row]:
            yield Row(2, ["a\ud800", GOOD, ""], {})

    odd = Odd(**vars(table_of()))
    assert list(validate_rows(odd, PHONE)) == [InvalidCell(2, "name", "a\ud800", "must not hold a lone surrogate")]


def test_line_breaks_and_tabs_become_spaces() -> None:
    (contact,) = valid_contacts(table_of(["a\r\nb\tc", GOOD + "\n", "x"]), "")
    assert contact == Contact(2, GOOD, {"name": "a  b c", "city": "x"})


def test_an_unknown_column_is_an_error() -> None:
    with pytest.raises(ValueError, match="phone"):
        list(validate_rows(table_of(), ContactColumns("phone")))


def test_a_report_holds_the_first_rows_and_the_first_problems(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation, "MAX_REPORTED", 5)
    monkeypatch.setattr(validation, "PROGRESS_INTERVAL", 10)
    progress: list[int] = []
    table = table_of(["a", GOOD], *[["b\x07", "1", "x"]] * 30, ["c", GOOD], ["d", OTHER])
    report = build_report(table, ContactColumns("phoneNumber", "US"), progress.append)
    assert (report.rows, report.valid_rows, report.duplicates, report.invalid_rows) == (33, 2, 1, 30)
    assert report.columns == HEADER
    assert report.first_rows == [(2, ["a", GOOD, ""]), *[(row, ["b\x07", "1", "x"]) for row in range(3, 22)]]
    assert [(cell.row, cell.column) for cell in report.invalid_cells] == [
        *((3, "name"), (3, "phoneNumber"), (4, "name"), (4, "phoneNumber"), (5, "name"))
    ]
    assert progress == [10, 20, 30, 33]


def test_a_report_of_no_rows_is_empty() -> None:
    progress: list[int] = []
    report = build_report(table_of(), PHONE, progress.append)
    assert (report.rows, report.first_rows, report.invalid_cells, progress) == (0, [], [], [0])


def test_invalid_rows_can_be_corrected_and_read_again() -> None:
    table = table_of(["a", GOOD, "x"], ["b\x07", "12", "y"], ["Doe", " John", GOOD, "z"])
    rows = list(invalid_rows(table, ContactColumns("phoneNumber", "US")))
    assert rows == [
        [*HEADER, PROBLEM_COLUMN],
        [
            "b\x07",
            "12",
            "y",
            "name must not hold a control character; phoneNumber has too few digits; enter the whole number",
        ],
        [
            *("Doe", " John", GOOD),
            "phoneNumber must be a phone number, such as +12015550123; Column 4 has no column header: z",
        ],
    ]
    rows[1][:2], rows[2][:3] = ["b", OTHER], ["Doe, John", GOOD, "z"]
    corrected = open_table(as_csv(rows), "a.csv")
    assert corrected.header == HEADER
    assert list(validate_rows(corrected, ContactColumns("phoneNumber", "US"))) == [
        Contact(2, OTHER, {"name": "b", "city": "y"}),
        Contact(3, GOOD, {"name": "Doe, John", "city": "z"}),
    ]


def test_a_report_counts_reasons_countries_and_numbers_that_are_not_in_use() -> None:
    rows = [["a", number, ""] for number in ("020 7946 0101", "0900", "n/a", "n/a", "+12025550101", "09999 999999")]
    report = build_report(table_of(*rows, ["b\x07", "", ""]), ContactColumns("phoneNumber", "GB"), lambda _: None)
    assert report.reasons == [
        ReasonCount("phoneNumber", NumberProblem.NOT_A_NUMBER, 2, 4),
        ReasonCount("phoneNumber", NumberProblem.NO_AREA_CODE, 1, 3),
        ReasonCount("name", "must not hold a control character", 1, 8),
        ReasonCount("phoneNumber", NumberProblem.EMPTY, 1, 8),
    ]
    assert report.countries == [CountryCount("GB", 2, 1), CountryCount("US", 1, 0)]
    assert report.not_in_use == 1
    assert report.skipped == {"duplicate": 0, "invalid": 4, "suppressed": 0, "hidden": 0}


def test_an_indian_list_read_as_british_is_accepted_and_counted() -> None:
    rows = [["a", f"98765{number:05}", ""] for number in range(40)]
    read_as = {
        region: build_report(table_of(*rows), ContactColumns("phoneNumber", region), lambda _: None)
        for region in ("IN", "GB")
    }
    assert read_as["IN"].countries == [CountryCount("IN", 40, 0)]
    assert read_as["GB"].countries == [CountryCount("GB", 40, 40)]
    assert read_as["GB"].invalid_rows == 0


def test_countries_are_named_by_the_chosen_region_or_the_code() -> None:
    table = table_of(["a", "2025550101", ""], ["b", "+80012345678", ""], ["c", "+442079460101", ""])
    report = build_report(table, ContactColumns("phoneNumber", "CA"), lambda _: None)
    assert [count.country for count in report.countries] == ["+800", "CA", "GB"]


def test_numbers_belong_to_the_country_of_their_row() -> None:
    table = table_of(
        ["a", "2079460101", "44"],
        ["b", "2025550101", ""],
        ["c", "+493023125010", "United Kingdom"],
        *(["d", OTHER, "Mars"], ["e", "2025550103", "Mars"]),
    )
    assert list(validate_rows(table, ContactColumns("phoneNumber", "US", country_column="city"))) == [
        Contact(2, "+442079460101", {"name": "a", "city": "44"}),
        Contact(3, GOOD, {"name": "b", "city": ""}),
        Contact(4, "+493023125010", {"name": "c", "city": "United Kingdom"}),
        Contact(5, OTHER, {"name": "d", "city": "Mars"}),
        InvalidCell(6, "city", "Mars", "is not a country; use a code such as GB or +44"),
    ]


def test_numbers_may_include_their_country_code() -> None:
    (contact,) = validate_rows(
        table_of(["a", "442079460101", ""]), ContactColumns("phoneNumber", with_country_code=True)
    )
    assert contact.number == "+442079460101"


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        (CellKind.DATE, NumberProblem.DATE),
        (CellKind.FRACTION, NumberProblem.FRACTION),
        (CellKind.ERROR, NumberProblem.SPREADSHEET_ERROR),
        (CellKind.SHORTENED, NumberProblem.SHORTENED),
        (CellKind.FORMULA_WITHOUT_VALUE, NumberProblem.FORMULA),
    ],
)
def test_a_cell_of_an_unusual_kind_is_refused_with_its_reason(kind: CellKind, problem: str) -> None:
    class Marked(Table):
        def rows(self) -> Iterator[Row]:
            yield Row(2, ["a", GOOD, ""], {1: kind, 0: CellKind.DATE})

    (result,) = validate_rows(Marked(**vars(table_of())), PHONE)
    assert result == InvalidCell(2, "phoneNumber", GOOD, problem)


numbers = st.sampled_from([GOOD, OTHER, "2025550101", "202 555 0103", "", "1", "+44 20 7946 0000"]) | st.text(
    max_size=9
)
rows = st.lists(st.tuples(st.sampled_from(["", "Ana", "\x07"]), numbers, st.just("x")) | st.just(("", "", "")))


@settings(deadline=None)  # the first number of a region loads its metadata
@given(rows, st.sampled_from(["", "US", "GB"]))
def test_every_row_is_valid_or_duplicate_or_invalid(rows: list[tuple[str, ...]], region: str) -> None:
    rows = [tuple(cell.replace("\0", "").encode(errors="replace").decode() for cell in row) for row in rows]
    table = table_of(*map(list, rows))
    items = list(validate_rows(table, ContactColumns("phoneNumber", region)))
    report = build_report(table, ContactColumns("phoneNumber", region), lambda _: None)
    assert report.rows == sum(any(cell.strip() for cell in row) for row in rows)
    assert (
        report.valid_rows + report.duplicates + report.invalid_rows == report.rows == len({item.row for item in items})
    )
    contacts = valid_contacts(table, region)
    assert len({contact.number for contact in contacts}) == len(contacts) == report.valid_rows
    firsts = {contact.number: contact.row for contact in contacts}
    assert all(firsts[item.number] == item.first_row < item.row for item in items if isinstance(item, Duplicate))
    assert len(list(invalid_rows(table, ContactColumns("phoneNumber", region)))) == report.invalid_rows + 1

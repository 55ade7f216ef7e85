"""The columns of phone numbers and of countries: found by their cells, with the names as a hint."""

from __future__ import annotations

from pathlib import Path

import pytest

from portal.contacts.column_names import ColumnTopic, find_topic, is_country_name
from portal.contacts.contact_columns import (
    ColumnChoices,
    ContactColumns,
    DetectedColumns,
    detect_columns,
    no_phone_column_error,
)
from portal.contacts.file_limits import MAX_COLUMNS, ContactFileError
from portal.contacts.files import ReadChoices, Table, open_table
from portal.contacts.phone_columns import MAX_SAMPLE_CELLS, find_phone_columns, take_sample
from portal.contacts.rows import CellKind, Row
from tests.contacts.sample_files import as_csv

NAMES = Path(__file__).with_name("phone_column_names.txt").read_text().splitlines()
PHONE_NAMES, OTHER_NAMES = NAMES[: NAMES.index("")], NAMES[NAMES.index("") + 1 :]
NUMBERS = {  # in fictional ranges, as people of the country write them
    "US": ["(202) 555-0101", "202-555-0102", "2125550103", "+1 305 555 0104"],
    "GB": ["020 7946 0101", "01632 960102", "07700 900103", "+44 113 496 0104"],
    "DE": ["030 23125010", "0171 3920001", "+49 40 66969 10", "(0221) 4710-100"],
    "IT": ["06 5550 1234", "0655501235", "347 555 0136", "+39 02 5550 1237"],
    "BR": ["(11) 96123-4567", "11 96123-4568", "+55 21 96123 4569", "(11) 3123-4567"],
    "FR": ["01 99 00 12 40", "06.39.98.12.34", "+33 2 61 91 12 40", "0465711240"],
    "AU": ["0491 570 156", "(02) 5550 1234", "0491570157", "+61 3 7010 1234"],
    "IN": ["98765 43210", "9876543211", "+91 98765 43212", "098765 43213"],
}


def table_of(*rows: list[str]) -> Table:
    return open_table(as_csv(list(rows)), "a.csv", ReadChoices(header_row=1))


def detect(region: str, *rows: list[str], **choices: str) -> DetectedColumns:
    return detect_columns(table_of(*rows), ColumnChoices(region=region, **choices))


def phone_column(region: str, *rows: list[str]) -> str | None:
    detected = detect(region, *rows)
    return detected.columns.phone_column if detected.columns else None


@pytest.mark.parametrize("name", PHONE_NAMES)
def test_usual_names_of_phone_columns_are_known(name: str) -> None:
    assert find_topic(name) in (ColumnTopic.PHONE, ColumnTopic.DOCUMENTED)
    assert phone_column("", ["name", name], ["Ana", "2025550101"], ["Bo", "unknown"]) == name


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_names_of_other_columns_are_no_phone_columns(name: str) -> None:
    assert find_topic(name) not in (ColumnTopic.PHONE, ColumnTopic.DOCUMENTED)
    assert phone_column("", ["name", name], ["Ana", "2025550101"], ["Bo", "x"]) is None


@pytest.mark.parametrize("region", NUMBERS)
@pytest.mark.parametrize("name", ["Column 2", "Kontakt", "Nummer", "Zielwert"])
def test_a_column_is_found_by_its_numbers(region: str, name: str) -> None:
    rows = [[f"{1004711001 + index}", number, "2026-05-01"] for index, number in enumerate(NUMBERS[region])]
    assert phone_column(region, ["Kundennummer", name, "Datum"], *rows) == name
    assert phone_column(region, ["a", name, "b"], *rows) == name


@pytest.mark.parametrize(
    "cells",
    [
        ["1004711001", "1004711002", "1004711003"],  # ids
        [str(number) for number in range(2025550100, 2025550140)],  # a sequence
        ["192.168.100.20", "10.20.130.40", "203.0.113.77"],
        ["2026-05-01", "01.05.2026", "5/1/2026"],
        ["20260501", "20260502", "20260611"],
        ["20260501093000", "20260502101500"],
        ["1234.50", "1,234.50", "999.99"],
        ["02138", "12345-6789", "90210"],
        ["1999", "2004", "2012"],
        ["1", "2", "3"],
        ["Lisbon", "Porto", "Faro"],
        ["", "", ""],
        ["+12025550101"] + [""] * 40,  # one stray number
        ["52.520008", "13.404954", "-0.127648"],
    ],
)
@pytest.mark.parametrize("region", ["US", "DE", ""])
def test_without_phone_numbers_no_column_is_taken(cells: list[str], region: str) -> None:
    assert phone_column(region, ["name", "value"], *[["Ana", cell] for cell in cells]) is None


@pytest.mark.parametrize(
    ("region", "header", "row", "column", "others"),
    [
        ("DE", ["Number", "Name", "Mobile"], ["1004711001", "Ana", "030 23125010"], "Mobile", []),
        ("DE", ["Telefon", "Handy"], ["030 23125010", "0171 3920001"], "Handy", ["Telefon"]),
        ("US", ["Phone", "Mobile"], ["2025550101", "2025550102"], "Phone", ["Mobile"]),
        ("US", ["Work Phone", "Home Phone", "Mobile"], ["2025550101"] * 3, "Mobile", ["Work Phone", "Home Phone"]),
        ("US", ["Mobile 2", "Mobile 1"], ["2025550101", "2025550102"], "Mobile 1", ["Mobile 2"]),
        ("US", ["phone", "phoneNumber"], ["2025550101", "2025550102"], "phoneNumber", ["phone"]),
        ("US", ["Fax", "Tel"], ["2025550101", "2025550102"], "Tel", []),
        ("US", ["Fax", "Name"], ["2025550101", "Ana"], None, []),
        ("US", ["phone", "Contact"], ["unknown", "+12025550102"], "Contact", []),
        ("US", ["phone", "Telefon"], ["", "+12025550102"], "Telefon", []),
        ("", ["mobile", "x"], ["2025550101", "Ana"], "mobile", []),  # cells to correct
        ("US", ["phoneNumber", "mobile"], ["12", "2025550102"], "mobile", []),
    ],
)
def test_cells_decide_and_names_break_ties(
    region: str, header: list[str], row: list[str], column: str | None, others: list[str]
) -> None:
    detected = detect(region, header, row)
    assert (detected.columns.phone_column if detected.columns else None) == column
    assert list(detected.other_phone_columns) == others


def test_a_chosen_column_is_taken_and_the_detected_one_offered() -> None:
    rows = [["phone", "office"], ["+12025550101", "+12025550102"]]
    detected = detect("", *rows, phone_column="office")
    assert detected.columns == ContactColumns("office")
    assert list(detected.other_phone_columns) == ["phone"]
    with pytest.raises(ContactFileError, match=r"phoneColumn must be a column .*; it has phone, office") as caught:
        detect("", *rows, phone_column="tel")
    assert caught.value.field == "phoneColumn"


def test_cells_that_a_workbook_marks_as_dates_are_no_numbers() -> None:
    rows = [Row(2, ["030 23125010", "030 23125011"], {0: CellKind.DATE})]
    assert find_phone_columns(["a", "b"], rows, "DE").column == "b"


def test_an_error_names_the_columns_and_the_choice() -> None:
    assert str(no_phone_column_error(table_of(["Name", "Ort"], ["Ana", "Faro"]))) == (
        "no column holds phone numbers; it has Name, Ort; name the right one in phoneColumn"
    )
    wide = table_of([f"c{number}" for number in range(30)], ["x"] * 30)
    assert "c19 and 10 more;" in str(no_phone_column_error(wide))


def test_the_sample_of_a_wide_table_is_small() -> None:
    rows = [["+12025550101"] * MAX_COLUMNS] * 500
    sample = take_sample(table_of([f"c{number}" for number in range(MAX_COLUMNS)], *rows))
    assert len(sample) * MAX_COLUMNS <= MAX_SAMPLE_CELLS


@pytest.mark.parametrize("name", ["country", "Country Code", "phone_code", "dial code", "Land", "País", "Pays", "国家"])
def test_usual_names_of_country_columns_are_known(name: str) -> None:
    assert is_country_name(name)


def test_the_country_of_each_row_is_used_where_it_fits() -> None:
    rows = [["phone_code", "phone"], ["44", "2079460101"], ["1", "2025550101"]]
    assert detect("US", *rows).columns == ContactColumns("phone", "US", "phone_code")
    assert detect("US", *rows, country_column="").columns == ContactColumns("phone", "US")
    assert detect("US", ["country", "phone"], ["France", "2025550101"]).unused_country_column == "country"
    assert detect("US", ["country", "phone"], ["rural", "2025550101"]).unused_country_column == "country"
    chosen = detect("US", ["origin", "phone"], ["GB", "2079460101"], country_column="origin")
    assert chosen.columns == ContactColumns("phone", "US", "origin")
    with pytest.raises(ContactFileError, match="countryColumn must be a column of the file"):
        detect("US", *rows, country_column="land")


@pytest.mark.parametrize(
    ("region", "cells", "detected"),
    [
        ("", ["12025550101", "442079460101", "493023125010"], True),
        ("US", ["442079460101", "442079460102", "493023125010"], True),
        ("", ["442079460101", "442079460102"], False),  # one country: may be national numbers of another
        ("", ["51987654321", "51987654322"], False),  # of Porto Alegre or of Peru
        ("", ["+12025550101", "+442079460101"], False),
        ("US", ["2025550101", "2025550102"], False),
        ("US", ["12025550101", "12025550102"], False),
        ("DE", ["03023125010", "442079460101"], False),
        ("", ["12025550101", "442079460101", "12", "n/a"], False),
        ("", [], False),
    ],
)
def test_numbers_with_a_country_code_but_no_plus_are_detected(region: str, cells: list[str], detected: bool) -> None:
    found = detect(region, ["phone"], *[[cell] for cell in cells])
    assert found.country_code_detected is found.columns.with_country_code is detected


def test_a_choice_about_country_codes_is_taken() -> None:
    rows = [["phone"], ["12025550101"], ["442079460101"]]
    table = table_of(*rows)
    for chosen in (True, False):
        found = detect_columns(table, ColumnChoices(with_country_code=chosen))
        assert (found.columns.with_country_code, found.country_code_detected) == (chosen, False)

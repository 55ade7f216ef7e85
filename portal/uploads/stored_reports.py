"""Store how a file was read and the result of checking it with its upload, as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from portal.contacts.file_report import CountryCount, FileReport, InvalidCell, ReasonCount
from portal.uploads.parsing import ContactSheet, build_sheet_report
from portal.uploads.reading import FileReading, describe_sheet
from portal.uploads.suppressed import count_listed
from portal.web.progress import Advance

# Fields of a report whose keys in the database are older than their names.
STORED_KEYS = {"valid_rows": "good", "invalid_rows": "wrong_rows", "invalid_cells": "wrongs"}


def check_sheet(sheet: ContactSheet, owner_key: int, advance: Advance) -> tuple[dict[str, Any], dict[str, Any]]:
    """Check a file, and return the options that the user chose and the report, as stored with their upload."""
    numbers: list[str] = []
    report = build_sheet_report(sheet, advance, lambda contact: numbers.append(contact.number))
    count_listed(owner_key, numbers, report)
    return asdict(sheet.options), dump_report(describe_sheet(sheet), report)


def dump_report(reading: FileReading, report: FileReport) -> dict[str, Any]:
    """Return a reading and a report as stored with their upload."""
    stored = {STORED_KEYS.get(name, name): value for name, value in asdict(report).items()}
    return stored | {"reading": asdict(reading)}


def load_reading(stored: Mapping[str, Any], choices: Mapping[str, Any]) -> FileReading:
    """Return the reading that is stored with an upload; releases up to 0.2.0 stored only four choices."""
    if "reading" in stored:
        return FileReading(**stored["reading"])
    return FileReading(
        choices["encoding"], choices["delimiter"], phone_column=choices["column"], region=choices["region"]
    )


def load_report(stored: Mapping[str, Any]) -> FileReport:
    """Return the report that is stored with an upload."""
    keys = {field.name: STORED_KEYS.get(field.name, field.name) for field in fields(FileReport)}
    values = {name: stored[key] for name, key in keys.items() if key in stored}  # older reports have fewer
    values["invalid_cells"] = [InvalidCell(**cell) for cell in values["invalid_cells"]]
    values["reasons"] = [ReasonCount(**count) for count in values.get("reasons", ())]
    values["countries"] = [CountryCount(**count) for count in values.get("countries", ())]
    values["first_rows"] = [(number, cells) for number, cells in values["first_rows"]]
    return FileReport(**values)

"""Present uploaded contact files on pages and in the API. No SQL, no request, no HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from portal.contacts.csv_text import DELIMITERS
from portal.contacts.encodings import ENCODINGS
from portal.contacts.file_report import FileReport, ReasonCount
from portal.contacts.number_problems import NEEDS_COUNTRY
from portal.models import Upload
from portal.models.batch import NAME_LENGTH
from portal.text import check_name, find_forbidden_character
from portal.uploads.parameters import HIDDEN_LABELS
from portal.uploads.reading import FileReading, Notice, list_notices
from portal.uploads.stored_reports import load_reading, load_report

MAX_REPORTED = 1000  # invalid cells in an answer
MAX_REASONS = 3  # in a message


def invalid_rows_json(report: FileReport, read: Mapping[str, Any]) -> dict[str, Any]:
    """Return the `data` of a refused upload: the first invalid cells, the number of invalid rows by reason, `read`."""
    return {
        "rows": [asdict(cell) for cell in report.invalid_cells],
        "total": report.invalid_rows,
        "reasons": [
            {"column": count.column, "reason": count.reason, "rows": count.rows, "firstRow": count.first_row}
            for count in report.reasons
        ],
        "read": read,
    }


def summarize_invalid_rows(report: FileReport, cure: str = "send type=true to skip them") -> str:
    """Return the reasons for which rows are invalid, the most frequent first, and what to do."""
    reasons = [f"{count.column} {count.reason} ({describe_rows(count)})" for count in report.reasons[:MAX_REASONS]]
    more = [f"{len(report.reasons) - MAX_REASONS:,} other reasons"] if len(report.reasons) > MAX_REASONS else []
    needs_country = any(count.reason in NEEDS_COUNTRY for count in report.reasons)
    cures = ["Send region or withCountryCode=true for numbers without +"] if needs_country else []
    cures.append(f"Correct the rows, or {cure}")
    return ". ".join([f"file has invalid rows: {report.invalid_rows:,}", *reasons, *more, *cures])


def describe_rows(count: ReasonCount) -> str:
    """Say which rows have a reason: row 3; 70 rows, first row 3."""
    return f"row {count.first_row:,}" if count.rows == 1 else f"{count.rows:,} rows, first row {count.first_row:,}"


def explain_no_contacts(report: FileReport) -> str:
    """Say why a file without invalid rows has no contacts."""
    if report.hidden:
        rows = "its only row is" if report.hidden == 1 else f"all {report.hidden:,} rows are"
        return f"{rows} hidden; unhide them, or send hidden=include"
    return "it has no rows below the header"


def reading_json(reading: FileReading, report: FileReport) -> dict[str, Any]:
    """Return how a file was read as the API says it; null = does not apply."""
    return {
        "sheet": reading.sheet or None,
        "headerRow": reading.header_row,
        "encoding": reading.encoding or None,
        "delimiter": reading.delimiter or None,
        "phoneColumn": reading.phone_column,
        "countryColumn": reading.country_column or None,
        "region": reading.region or None,
        "withCountryCode": reading.with_country_code,
        "hidden": reading.hidden,
        "notices": [notice.text for notice in list_notices(reading, report)],
    }


def uploaded_batch_json(batch_id: str, name: str, settings: Mapping[str, Any], total: int) -> dict[str, Any]:
    """Return the batch created from a file."""
    return {
        "_id": batch_id,
        "batchName": name,
        "callingNumbers": settings.get("callingNumbers", []),
        "totalCalls": total,
    }


def suggest_batch_name(file_name: str) -> str:
    """Suggest a batch name: the file's own name, made readable."""
    stem = PurePath(file_name).stem.replace("_", " ").replace("-", " ").strip()
    name = (stem[:1].upper() + stem[1:])[:NAME_LENGTH]
    try:
        return "" if find_forbidden_character(name) else check_name(name)
    except ValueError:
        return ""


def format_file_size(size: int) -> str:
    """Format a file size: 820 bytes, 12 kB, 3.4 MB."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


@dataclass(frozen=True)
class UploadView:
    """An uploaded file, how it was read, and the report of it."""

    id: str
    file_name: str
    size: str
    reading: FileReading
    report: FileReport
    notices: Sequence[Notice]

    @property
    def needs_column(self) -> bool:
        """Whether a user must choose the phone number column before anything is counted."""
        return not self.reading.phone_column

    @property
    def is_usable(self) -> bool:
        """Whether a batch can be created from the file."""
        return self.report.valid_rows > 0

    @property
    def format(self) -> str:
        """The options that seldom have to be changed, in a line: Header row 1 · UTF-8 · Comma."""
        reading = self.reading
        sheet = [f"Sheet {reading.sheet}"] if len(reading.sheets) > 1 else []
        header = f"Header row {reading.header_row}" if reading.header_row else "No header row"
        text = [ENCODINGS[reading.encoding], DELIMITERS[reading.delimiter].capitalize()] if reading.delimiter else []
        hidden = [f"Hidden rows {HIDDEN_LABELS[reading.hidden].lower()}"] if reading.hidden_rows else []
        return " · ".join([*sheet, header, *text, *hidden])

    @property
    def is_unusual(self) -> bool:
        """Whether the options that seldom have to be changed may be wrong."""
        reading = self.reading
        is_plain = reading.header_row == 1 and len(reading.sheets) < 2 and not reading.hidden_columns
        return self.needs_column or not is_plain or bool(reading.hidden_rows or reading.replaced_characters)

    @property
    def examples(self) -> dict[str, str]:
        """The first cell of each column that is not empty, by the column's name."""
        rows = [cells for _, cells in self.report.first_rows]
        return {
            name: next((cells[index] for cells in rows if index < len(cells) and cells[index].strip()), "")
            for index, name in enumerate(self.report.columns)
        }


def upload_view(upload: Upload) -> UploadView:
    """Return an upload as shown on a page."""
    reading, report = load_reading(upload.report, upload.choices), load_report(upload.report)
    return UploadView(
        id=upload.id,
        file_name=upload.file_name,
        size=format_file_size(upload.size),
        reading=reading,
        report=report,
        notices=list_notices(reading, report),
    )

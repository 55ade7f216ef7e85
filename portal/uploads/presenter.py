"""Present uploaded contact files on pages and in the API. No SQL, no request, no HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import PurePath
from typing import Any

from portal.contacts.file_report import FileReport, InvalidCell
from portal.models import Upload
from portal.models.batch import NAME_LENGTH
from portal.text import check_name, find_forbidden_character
from portal.uploads.parsing import report_from_json

MAX_REPORTED = 1000  # invalid cells in an answer


def invalid_cells_json(cells: Sequence[InvalidCell], rows: int) -> dict[str, Any]:
    """Return the `data` of a refused upload: the first invalid cells, and the number of invalid rows."""
    return {"rows": [asdict(cell) for cell in cells[:MAX_REPORTED]], "total": rows}


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
    """An uploaded file, the options for reading it, and the report under these options."""

    id: str
    file_name: str
    size: str
    is_text: bool
    choices: dict[str, str]
    report: FileReport

    @property
    def is_usable(self) -> bool:
        """Whether a batch can be created from the file."""
        return self.report.valid_rows > 0


def upload_view(upload: Upload) -> UploadView:
    """Return an upload as shown on a page."""
    return UploadView(
        id=upload.id,
        file_name=upload.file_name,
        size=format_file_size(upload.size),
        is_text=bool(upload.choices["delimiter"]),
        choices=upload.choices,
        report=report_from_json(upload.report),
    )

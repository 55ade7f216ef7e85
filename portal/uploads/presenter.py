"""What a contact file is shown as. No SQL, no request, no HTML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from portal.contacts.validation import FileReport, InvalidCell
from portal.models import Upload
from portal.models.batch import NAME_LENGTH
from portal.text import find_forbidden_character
from portal.uploads.parsing import report_from_json

MAX_REPORTED = 1000


def invalid_cells_json(wrongs: Iterable[InvalidCell], rows: int) -> dict[str, Any]:
    """The `data` of a refused upload: the first wrong cells, and in how many rows something is wrong."""
    told = [
        {"row": wrong.row, "column": wrong.column, "value": wrong.value, "reason": wrong.reason} for wrong in wrongs
    ]
    return {"rows": told[:MAX_REPORTED], "total": rows}


def uploaded_batch_json(batch_id: str, name: str, settings: Mapping[str, Any], total: int) -> dict[str, Any]:
    """The batch that was made of a file, as the API says it."""
    return {
        "_id": batch_id,
        "batchName": name,
        "callingNumbers": settings.get("callingNumbers", []),
        "totalCalls": total,
    }


def suggest_batch_name(file_name: str) -> str:
    """What a batch of that file may be called: the file's own name, made readable."""
    stem = PurePath(file_name).stem.replace("_", " ").replace("-", " ").strip()
    return "" if find_forbidden_character(stem) else (stem[:1].upper() + stem[1:])[:NAME_LENGTH]


def format_file_size(size: int) -> str:
    """A file's size: 820 bytes, 12 kB, 3.4 MB."""
    if size < 1000:
        return f"{size} bytes"
    return f"{size / 1000:.0f} kB" if size < 1_000_000 else f"{size / 1_000_000:.1f} MB"


@dataclass(frozen=True)
class UploadView:
    """A file that was sent: what it is, how it is read, and what is in it."""

    id: str
    file_name: str
    size: str
    is_text: bool
    choices: dict[str, str]
    report: FileReport

    @property
    def usable(self) -> bool:
        """Whether any batch can be made of it."""
        return self.report.good > 0


def upload_view(upload: Upload) -> UploadView:
    """A kept file as a page shows it."""
    return UploadView(
        id=upload.id,
        file_name=upload.file_name,
        size=format_file_size(upload.size),
        is_text=bool(upload.choices["delimiter"]),
        choices=upload.choices,
        report=report_from_json(upload.report),
    )

"""Tables as files for download, streamed so that memory use does not grow with the number of rows."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from datetime import UTC, tzinfo
from urllib.parse import quote

from flask import Response, stream_with_context

from portal.models.labeled_enum import LabeledEnum
from portal.web.spreadsheets import Cell, make_file_name, write_csv, write_xlsx

Writer = Callable[[str, Sequence[str], Iterable[Sequence[Cell]], tzinfo], Generator[bytes]]


class ExportKind(LabeledEnum):
    """A file format for exports: its extension, its label in menus, its MIME type and its writer."""

    mime_type: str
    write: Writer

    XLSX = (
        "xlsx",
        "Excel workbook (.xlsx)",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        write_xlsx,
    )
    CSV = "csv", "CSV", "text/csv; charset=utf-8", write_csv


# The part of a URL rule that names the format.
EXPORT_KIND_RULE = f"<any({', '.join(sorted(ExportKind))}):kind>"


def stream_download(
    kind: ExportKind, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]], zone: tzinfo = UTC
) -> Response:
    """Return the rows as a file named after `title`; in a workbook, times are in `zone`.

    The first chunk is built before the response starts, so that an error until then still gets an error page.
    """
    chunks = kind.write(title, header, rows, zone)
    response = Response(stream_with_context(resume_stream(next(chunks, b""), chunks)), content_type=kind.mime_type)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(make_file_name(title, kind))}"
    return response


def resume_stream(first: bytes, chunks: Generator[bytes]) -> Iterator[bytes]:
    """Yield the first chunk and the others; close the file even if the client disconnects early."""
    try:
        yield first
        yield from chunks
    finally:
        chunks.close()

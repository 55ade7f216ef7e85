"""A table as a file that the browser keeps, streamed: few rows are held in memory, however many there are."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from enum import StrEnum
from urllib.parse import quote

from flask import Response, stream_with_context

from portal.web.spreadsheets import Cell, make_file_name, write_csv, write_xlsx


class ExportKind(StrEnum):
    """What a table can be exported as."""

    CSV = "csv"
    XLSX = "xlsx"


MIME_TYPES = {
    ExportKind.CSV: "text/csv; charset=utf-8",
    ExportKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def stream_download(kind: ExportKind, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """The rows under their header, as a file called after `title`.

    Its first part is made before the answer begins, so that what goes wrong until then can still be said.
    """
    chunks = write_csv(header, rows) if kind is ExportKind.CSV else write_xlsx(title, header, rows)
    response = Response(stream_with_context(continue_stream(next(chunks, b""), chunks)), content_type=MIME_TYPES[kind])
    name = make_file_name(title, kind)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["Cache-Control"] = "no-store"
    return response


def continue_stream(first: bytes, chunks: Generator[bytes]) -> Iterator[bytes]:
    """A file of which the first part is there already; the rest ends with it, when a reader leaves early too."""
    try:
        yield first
        yield from chunks
    finally:
        chunks.close()

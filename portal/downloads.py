"""A table as a file that the browser keeps, streamed: few rows are held in memory, however many there are."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from enum import StrEnum
from urllib.parse import quote

from flask import Response, stream_with_context

from portal.exports import Cell, csv_file, file_name, xlsx_file


class FileKind(StrEnum):
    """What a table can be exported as."""

    CSV = "csv"
    XLSX = "xlsx"


MIMETYPES = {
    FileKind.CSV: "text/csv; charset=utf-8",
    FileKind.XLSX: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}


def download(kind: FileKind, title: str, header: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Response:
    """The rows under their header, as a file called after `title`.

    Its first part is made before the answer begins, so that what goes wrong until then can still be said.
    """
    chunks = csv_file(header, rows) if kind is FileKind.CSV else xlsx_file(title, header, rows)
    response = Response(stream_with_context(continued(next(chunks, b""), chunks)), content_type=MIMETYPES[kind])
    name = file_name(title, kind)
    response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(name)}"
    response.headers["Cache-Control"] = "no-store"
    return response


def continued(first: bytes, chunks: Generator[bytes]) -> Iterator[bytes]:
    """A file of which the first part is there already; the rest ends with it, when a reader leaves early too."""
    try:
        yield first
        yield from chunks
    finally:
        chunks.close()

"""Read CSV text: detect the encoding and the delimiter, and stream the records."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Iterator
from itertools import islice

from portal.contacts import file_limits
from portal.contacts.file_limits import ContactFileError

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "cp1252": "Western European (Windows)",
    "iso-8859-15": "Western European (ISO 8859-15)",
    "latin-1": "Western European (ISO 8859-1)",
    "cp1250": "Central European (Windows)",
    "cp1251": "Cyrillic (Windows)",
}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}
SNIFFED_LINES = 20
CHUNK = 1_000_000  # bytes


def detect_encoding(content: bytes) -> str:
    """Return the encoding, one of ENCODINGS: by the byte order mark, or the first that decodes the whole file."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return next(encoding for encoding in ("utf-8", "cp1252", "latin-1") if is_decodable(content, encoding))


def is_decodable(content: bytes, encoding: str) -> bool:
    """Return whether the content is text in that encoding. Decodes one chunk at a time to save memory."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(content), CHUNK):
            decoder.decode(content[start : start + CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def detect_delimiter(content: bytes, encoding: str) -> str:
    """Return the delimiter that splits most of the first rows into as many cells as the header; by default a comma.

    Raises ContactFileError if the lines cannot be decoded.
    """
    lines = list(islice(decode_lines(content, encoding), SNIFFED_LINES))

    def score(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(cells) for cells in csv.reader(lines, delimiter=delimiter) if cells]
        except csv.Error:
            return 0, 0
        if not widths or widths[0] == 1:
            return 0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(DELIMITERS, key=score)  # the first of equals


def decode_lines(content: bytes, encoding: str) -> Iterator[str]:
    """Iterate over the lines of the file, with their line ends. Raises ContactFileError."""
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    limit = file_limits.MAX_LINE_LENGTH
    with io.TextIOWrapper(io.BytesIO(content), encoding=codec, newline="") as text:
        while True:
            try:
                line = text.readline(limit)
            except UnicodeError as error:
                message = f"the file is not {ENCODINGS[encoding]} text; choose another encoding"
                raise ContactFileError(message) from error
            if not line:
                return
            if len(line) == limit:
                raise ContactFileError(f"the file has a line of more than {limit:,} characters")
            if "\0" in line:
                raise ContactFileError("the file contains a NUL character; save it again as CSV in UTF-8")
            yield line


def parse_records(content: bytes, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Iterate over the records that are not blank, with their number, counting all from 1. Raises ContactFileError."""
    reader = csv.reader(decode_lines(content, encoding), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ContactFileError(f"row {number} of the file is not valid CSV: {error}") from error
        if cells is None:
            return
        if any(cells) and "".join(cells).strip():
            check_record(number, cells)
            yield number, cells


def check_record(number: int, cells: list[str]) -> None:
    """Raise ContactFileError if the record exceeds a limit."""
    max_columns = file_limits.MAX_COLUMNS
    if number > file_limits.MAX_ROWS + 1:
        raise ContactFileError(f"the file has more than {file_limits.MAX_ROWS:,} rows; split it")
    if len(cells) > max_columns and any(cells[max_columns:]):
        raise ContactFileError(f"row {number} of the file has more than {max_columns} columns")
    if max(map(len, cells)) > file_limits.MAX_CELL_LENGTH:
        limit = f"{file_limits.MAX_CELL_LENGTH:,} characters"
        raise ContactFileError(f"row {number} of the file has a cell of more than {limit}")

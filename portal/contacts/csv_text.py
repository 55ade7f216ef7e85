"""A CSV file's encoding and delimiter, found out where nobody says them, and its records, streamed."""

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
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SNIFFED_LINES = 20
CHUNK = 1_000_000  # bytes


def detect_encoding(content: bytes) -> str:
    """The encoding of a CSV file, one of ENCODINGS: by its byte order mark, else the first that decodes all of it."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return next(encoding for encoding in ("utf-8", "cp1252", "latin-1") if is_decodable(content, encoding))


def is_decodable(content: bytes, encoding: str) -> bool:
    """Whether all of `content` is text in that encoding; a chunk is held in memory at a time."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(content), CHUNK):
            decoder.decode(content[start : start + CHUNK])
        decoder.decode(b"", final=True)
    except UnicodeError:
        return False
    return True


def detect_delimiter(content: bytes, encoding: str) -> str:
    """The delimiter, one of DELIMITERS, that splits most of the first rows into as many cells as the header.

    A comma where none splits the header. Raises ContactFileError when the lines cannot be read.
    """
    head = list(islice(decode_lines(content, encoding), SNIFFED_LINES))

    def evenness(delimiter: str) -> tuple[float, int]:
        try:
            widths = [len(cells) for cells in csv.reader(head, delimiter=delimiter) if cells]
        except csv.Error:
            return 0, 0
        if not widths or widths[0] == 1:
            return 0, 0
        return widths.count(widths[0]) / len(widths), widths[0]

    return max(DELIMITERS, key=evenness)  # the first of equals


def decode_lines(content: bytes, encoding: str) -> Iterator[str]:
    """The lines of the file as text, with their ends. Raises ContactFileError."""
    codec = "utf-8-sig" if encoding == "utf-8" else encoding
    with io.TextIOWrapper(io.BytesIO(content), encoding=codec, newline="") as text:
        while True:
            try:
                line = text.readline(file_limits.MAX_LINE_LENGTH)
            except UnicodeError as error:
                raise ContactFileError(
                    f"the file is not {ENCODINGS[encoding]} text; choose another encoding"
                ) from error
            if not line:
                return
            if len(line) == file_limits.MAX_LINE_LENGTH:
                raise ContactFileError(f"the file has a line of more than {file_limits.MAX_LINE_LENGTH:,} characters")
            if "\0" in line:
                raise ContactFileError("the file holds a NUL character; save it anew as CSV in UTF-8")
            yield line


def parse_records(content: bytes, encoding: str, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each record that is not blank, with its number from 1; blank ones are counted too. Raises ContactFileError."""
    reader = csv.reader(decode_lines(content, encoding), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader, None)
        except csv.Error as error:
            raise ContactFileError(f"row {number} of the file is not CSV: {error}") from error
        if cells is None:
            return
        if not any(cells) or not "".join(cells).strip():
            continue
        if number > file_limits.MAX_ROWS + 1:
            raise ContactFileError(f"the file has more than {file_limits.MAX_ROWS:,} rows; divide it")
        if len(cells) > file_limits.MAX_COLUMNS and any(cells[file_limits.MAX_COLUMNS :]):
            raise ContactFileError(f"row {number} of the file has more than {file_limits.MAX_COLUMNS} columns")
        if max(map(len, cells)) > file_limits.MAX_CELL_LENGTH:
            raise ContactFileError(
                f"row {number} of the file has a cell of more than {file_limits.MAX_CELL_LENGTH:,} characters"
            )
        yield number, cells

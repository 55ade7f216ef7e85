"""Detect the encoding of a text file, and decode it line by line."""

from __future__ import annotations

import codecs
import io
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from portal.contacts import file_limits
from portal.contacts.file_limits import ContactFileError
from portal.contacts.legacy_encodings import guess_legacy_encoding

Content = bytes | Path  # a file in memory, or one that is read from the disk in every pass

ENCODINGS = {
    "utf-8": "UTF-8",
    "utf-16": "UTF-16",
    "utf-32": "UTF-32",
    "cp1252": "Western European (Windows)",
    "iso-8859-15": "Western European (ISO 8859-15)",
    "latin-1": "Western European (ISO 8859-1)",
    "mac-roman": "Western European (Mac)",
    "cp850": "Western European (DOS)",
    "cp1250": "Central European (Windows)",
    "iso-8859-2": "Central European (ISO 8859-2)",
    "cp1251": "Cyrillic (Windows)",
    "koi8-u": "Cyrillic (KOI8)",
    "cp866": "Cyrillic (DOS)",
    "cp1253": "Greek (Windows)",
    "cp1254": "Turkish (Windows)",
    "cp1255": "Hebrew (Windows)",
    "cp1256": "Arabic (Windows)",
    "cp1257": "Baltic (Windows)",
    "cp1258": "Vietnamese (Windows)",
    "cp874": "Thai (Windows)",
    "cp932": "Japanese (Shift JIS)",
    "euc-jp": "Japanese (EUC)",
    "gb18030": "Chinese, simplified (GB 18030)",
    "big5": "Chinese, traditional (Big5)",
    "cp949": "Korean (Windows)",
}
SUBSETS = {  # and the encodings that include them
    "ascii": "utf-8",
    "utf-8-sig": "utf-8",
    "utf-16-le": "utf-16",
    "utf-16-be": "utf-16",
    "utf-32-le": "utf-32",
    "utf-32-be": "utf-32",
    "koi8-r": "koi8-u",
    "shift_jis": "cp932",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "euc_kr": "cp949",
    "iso8859-7": "cp1253",
    "iso8859-8": "cp1255",
    "iso8859-9": "cp1254",
    "iso8859-13": "cp1257",
    "tis-620": "cp874",
}
BYTE_ORDER_MARKS = {  # UTF-32 first: its little-endian mark begins with that of UTF-16
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
    codecs.BOM_UTF8: "utf-8",
}
SAMPLE = 4096  # bytes
CHUNK = 1_000_000  # bytes
LEGACY_SAMPLE = 100_000  # bytes


def open_content(content: Content) -> BinaryIO:
    """Open a file in memory or on the disk."""
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def find_encoding(name: str) -> str:
    """Return the one of ENCODINGS with this name or alias, such as windows-1252. Raises ContactFileError."""
    with suppress(LookupError, ValueError):  # ValueError: a NUL in the name
        wanted = codecs.lookup(name).name
        wanted = SUBSETS.get(wanted, wanted)
        for encoding in ENCODINGS:
            if codecs.lookup(encoding).name == codecs.lookup(wanted).name:
                return encoding
    raise ContactFileError(f"encoding must be one of {', '.join(ENCODINGS)}", "encoding")


def detect_encoding(content: Content) -> str:
    """Return the encoding, one of ENCODINGS.

    It is that of the byte order mark or of the positions of NUL bytes. Otherwise UTF-8 if the file has at least as many
    non-ASCII characters in UTF-8 as bytes that are not; the latter are replaced by U+FFFD when the file is read.
    """
    with open_content(content) as file:
        start = file.read(SAMPLE)
        for mark, encoding in BYTE_ORDER_MARKS.items():
            if start.startswith(mark):
                return encoding
        if wide := find_wide_codec(start):
            return wide[:6]
        file.seek(0)
        valid, invalid = count_utf8(file)
    if invalid <= valid:
        return "utf-8"
    return detect_legacy_encoding(content)


def find_wide_codec(start: bytes) -> str | None:
    """Return utf-16-le, utf-16-be, utf-32-le or utf-32-be if the NUL bytes among the first bytes are at its places."""
    units = len(start) // 4
    if not units or b"\0" not in start:
        return None
    nuls = [start[place : 4 * units : 4].count(0) / units for place in range(4)]
    if min(nuls[1:]) > 0.9:
        return "utf-32-le"
    if min(nuls[:3]) > 0.9:
        return "utf-32-be"
    if min(nuls[1], nuls[3]) > 0.4 and max(nuls[0], nuls[2]) < 0.1:
        return "utf-16-le"
    if min(nuls[0], nuls[2]) > 0.4 and max(nuls[1], nuls[3]) < 0.1:
        return "utf-16-be"
    return None


def count_utf8(file: BinaryIO) -> tuple[int, int]:
    """Return the number of non-ASCII characters in UTF-8, and of the places that are not UTF-8."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    valid = invalid = 0
    while True:
        chunk = file.read(CHUNK)
        text = decoder.decode(chunk, final=not chunk)
        replaced = text.count("\ufffd")
        invalid += replaced
        valid += len(text) - len(text.encode("ascii", "ignore")) - replaced
        if not chunk:
            return valid, invalid


def detect_legacy_encoding(content: Content) -> str:
    """Return the likeliest encoding of a text that is not Unicode, by its lines that are not ASCII."""
    sample = bytearray()
    with open_content(content) as file:
        while len(sample) < LEGACY_SAMPLE and (line := file.readline(CHUNK)):
            if not line.isascii():
                sample += line
    try:
        return find_encoding(guess_legacy_encoding(bytes(sample)))
    except ContactFileError:  # one that is not offered
        return "cp1252"


def find_codec(content: Content, encoding: str) -> tuple[str, str]:
    """Return Python's codec for one of ENCODINGS and how it treats errors.

    Bytes that are no characters are replaced by U+FFFD, except in UTF-16 and UTF-32: there the encoding is wrong.
    """
    if encoding not in ("utf-16", "utf-32"):
        return encoding, "replace"
    with open_content(content) as file:
        start = file.read(SAMPLE)
    has_mark = any(start.startswith(mark) and encoding == BYTE_ORDER_MARKS[mark] for mark in BYTE_ORDER_MARKS)
    wide = find_wide_codec(start)
    return (encoding if has_mark else wide if wide and wide.startswith(encoding) else f"{encoding}-le"), "strict"


def decode_lines(content: Content, encoding: str) -> Iterator[str]:
    """Iterate over the lines of the file, with line ends, without byte order marks. Raises ContactFileError."""
    codec, errors = find_codec(content, encoding)
    limit = file_limits.MAX_LINE_LENGTH
    number = 0
    with io.TextIOWrapper(open_content(content), encoding=codec, errors=errors, newline="") as text:
        while True:
            try:
                line = text.readline(limit)
            except UnicodeError as error:
                message = f"the file is not {ENCODINGS[encoding]} text; choose another encoding"
                raise ContactFileError(message, "encoding") from error
            if not line:
                return
            number += 1
            if len(line) == limit:
                raise ContactFileError(f"line {number} of the file has more than {limit:,} characters")
            if "\0" in line:
                message = f"line {number} of the file contains a NUL character; save the file again as CSV in UTF-8"
                raise ContactFileError(message)
            yield line.lstrip("\ufeff") if number == 1 else line

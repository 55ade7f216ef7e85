"""What an .xlsx archive would become when it is unpacked, found out before a parser sees it."""

from __future__ import annotations

import re
import zlib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Callable, Iterable, Iterator
from io import BytesIO
from struct import unpack_from
from xml.parsers import expat
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

from portal.contacts import file_limits
from portal.contacts.file_limits import ContactFileError

UNREADABLE = "the file cannot be read as a workbook; open it in a spreadsheet program and save it anew"
TOO_BIG_UNPACKED = "the file is too big when it is unpacked; divide it, or save it as CSV"
LIES = "the file says a false size of one of its parts; open it in a spreadsheet program and save it anew"
CHUNK = 1 << 20  # bytes
LONGEST_TAG = 3 * CHUNK  # bytes that wait for their end; a tag is held whole, with all its attributes
MOST_ELEMENTS = 100_000  # of a part that only says what other parts there are
LOCAL_HEADER = 30  # bytes, before the name and the extra field
CELL = re.compile(r"([A-Z]{1,3})([0-9]{1,7})")

Attributes = dict[str, str]


def check_archive(content: bytes) -> None:
    """Passes an .xlsx file whose parts and whose first sheet are within the limits. Raises ContactFileError for any other."""
    try:
        with ZipFile(BytesIO(content)) as archive:
            entries = archive.infolist()
        check_declared(entries)
        parts = {entry.filename.lower().replace("\\", "/"): entry for entry in entries}
        if len(parts) < len(entries):
            raise ContactFileError(UNREADABLE)  # one part twice: which of them is meant is anybody's guess
        for entry in entries:
            for _ in unpacked(content, entry):
                pass

        def part(name: str) -> Iterator[bytes]:
            return unpacked(content, parts[name.lower()])

        check_sheet(part(first_sheet(part)))
    except ContactFileError:
        raise
    except Exception as error:  # whatever a broken archive makes of the libraries that read it
        raise ContactFileError(UNREADABLE) from error


def check_declared(entries: list[ZipInfo]) -> None:
    """Raises ContactFileError for more parts, bytes or packing than the limits."""
    if len(entries) > file_limits.MAX_ENTRIES:
        raise ContactFileError(f"the file has more than {file_limits.MAX_ENTRIES:,} parts")
    if sum(entry.file_size for entry in entries) > file_limits.MAX_UNPACKED:
        raise ContactFileError(TOO_BIG_UNPACKED)
    for entry in entries:
        if entry.file_size > max(file_limits.RATIO_EXEMPT_BYTES, file_limits.MAX_RATIO * entry.compress_size):
            raise ContactFileError(TOO_BIG_UNPACKED)


def unpacked(content: bytes, entry: ZipInfo) -> Iterator[bytes]:
    """The bytes of a part in chunks. Raises ContactFileError when they are more than it says, or cannot be had.

    Not by `ZipFile.open`, which stops at the size that the entry says, where others go on.
    """
    start = entry.header_offset + LOCAL_HEADER
    start += sum(unpack_from("<HH", content, start - 4))  # the lengths of its name and of its extra field
    packed = memoryview(content)[start : start + entry.compress_size]
    if entry.flag_bits & 1 or entry.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ContactFileError(UNREADABLE)
    chunks = stored(packed) if entry.compress_type == ZIP_STORED else inflated(packed)
    left = entry.file_size
    for chunk in chunks:
        left -= len(chunk)
        if left < 0:
            raise ContactFileError(LIES)
        yield chunk
    if left:
        raise ContactFileError(LIES)


def stored(packed: memoryview) -> Iterator[bytes]:
    """A part that is not compressed, in chunks."""
    for start in range(0, len(packed), CHUNK):
        yield bytes(packed[start : start + CHUNK])


def inflated(packed: memoryview) -> Iterator[bytes]:
    """A deflated part in chunks. Raises zlib.error."""
    inflate = zlib.decompressobj(-zlib.MAX_WBITS)
    for start in range(0, len(packed), CHUNK):
        rest = bytes(packed[start : start + CHUNK])
        while rest and not inflate.eof:
            yield inflate.decompress(rest, CHUNK)
            rest = inflate.unconsumed_tail
    while chunk := inflate.decompress(b"", CHUNK):  # what the last bytes stood for beyond a whole chunk
        yield chunk


def parse(chunks: Iterable[bytes], start: Callable[[str, Attributes], None], most: int = MOST_ELEMENTS) -> None:
    """Tells `start` of each element, by its name without prefix.

    Raises ExpatError; ContactFileError for a DTD, for more than `most` elements, and for a tag too long to be one.
    """
    count = fed = 0

    def refuse(*_: object) -> None:
        raise ContactFileError(UNREADABLE)

    def element(name: str, attributes: Attributes) -> None:
        nonlocal count
        count += 1
        if count > most:
            raise ContactFileError(TOO_BIG_UNPACKED)
        start(name.rpartition(":")[2], attributes)

    parser = expat.ParserCreate("UTF-8")  # whatever the document says, as the parser after this one takes it
    # No spreadsheet program writes a DTD, and entities are what bombs are made of.
    parser.StartDoctypeDeclHandler = refuse
    parser.StartElementHandler = element
    for chunk in chunks:
        if not fed and chunk[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
            refuse()
        fed += len(chunk)
        parser.Parse(chunk)
        if fed - parser.CurrentByteIndex > LONGEST_TAG:
            refuse()
    parser.Parse(b"", True)


def first_sheet(part: Callable[[str], Iterable[bytes]]) -> str:
    """The name of the part that is the first sheet of cells that people see, else the first that is hidden."""
    targets: dict[str, str] = {}
    sheets: list[tuple[bool, int, str]] = []

    def relation(name: str, attributes: Attributes) -> None:
        if name == "Relationship":
            target = attributes["Target"].removeprefix("/")
            targets[attributes["Id"]] = target if target.startswith("xl/") else f"xl/{target}"

    def sheet(name: str, attributes: Attributes) -> None:
        if name == "sheet":
            ids = [value for key, value in attributes.items() if key.rpartition(":")[2] == "id"]
            target = targets.get(ids[0], "") if ids else ""
            if "/worksheets/" in target:
                sheets.append((attributes.get("state", "visible") != "visible", len(sheets), target))

    parse(part("xl/_rels/workbook.xml.rels"), relation)
    parse(part("xl/workbook.xml"), sheet)
    if not sheets:
        raise ContactFileError("the file has no sheet of cells")
    return min(sheets)[2]


def check_sheet(chunks: Iterable[bytes]) -> None:
    """Raises ContactFileError when a value of the sheet stands beyond the limits: everything up to it would be laid out."""
    row = column = 0

    def start(name: str, attributes: Attributes) -> None:
        nonlocal row, column
        if name == "row":
            row, column = int(attributes.get("r", row + 1)), 0
        elif name == "c":
            if "r" in attributes:
                letters, digits = CELL.fullmatch(attributes["r"]).groups()
                row, column = int(digits), column_number(letters)
            else:
                column += 1
        elif name in {"v", "is"}:  # a cell that is only formatted, to the end of the sheet as a rule, is none
            if row > file_limits.MAX_ROWS + 1:
                raise ContactFileError(f"the file has more than {file_limits.MAX_ROWS:,} rows; divide it")
            if column > file_limits.MAX_COLUMNS:
                raise ContactFileError(f"row {row} of the file has more than {file_limits.MAX_COLUMNS} columns")

    parse(chunks, start, 3 * file_limits.MAX_CELLS)


def column_number(letters: str) -> int:
    """The number of a column from 1: A is 1, AA is 27."""
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number

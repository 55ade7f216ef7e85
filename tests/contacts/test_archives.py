"""Archives that call themselves .xlsx and mean harm: each is refused for what it would become when it is unpacked."""

from __future__ import annotations

import io
import time
import zipfile
import zlib
from collections.abc import Iterator

import pytest

from portal.contacts import archives, file_limits, workbooks
from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import open_table
from tests.contacts.sample_files import SHEET, as_xlsx, refusal, with_false_size, with_parts, with_sheet

XLSX = as_xlsx([["phone", "name"], ["+12025550101", "Ana"]])


def test_a_workbook_with_a_cell_in_the_last_corner_is_refused_before_it_is_laid_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workbooks, "convert_workbook", lambda content: pytest.fail("the parser was asked"))
    corner = (
        '<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="{0}"><c r="{1}{0}"><v>1</v></c></row></sheetData>'
    )
    assert "more than 200,000 rows" in refusal(with_sheet(corner.format(1_048_576, "XFD")), "a.xlsx")
    assert "row 2 of the file has more than 200 columns" in refusal(with_sheet(corner.format(2, "GS")), "a.xlsx")
    unnumbered = "<sheetData><row>" + "<c><v>1</v></c>" * 201 + "</row></sheetData>"
    assert "more than 200 columns" in refusal(with_sheet(unnumbered), "a.xlsx")
    prefixed = corner.format(1_048_576, "A").replace("<", "<x:").replace("<x:/", "</x:")
    prefixed = prefixed.replace("<x:sheetData>", f'<x:sheetData xmlns:x="{"x"}">')
    assert "more than 200,000 rows" in refusal(with_sheet(prefixed), "a.xlsx")


def test_a_cell_that_is_only_formatted_is_no_cell() -> None:
    formatted = (
        '<sheetData><row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"/></row></sheetData>'
    )
    assert open_table(with_sheet(formatted), "a.xlsx").header == ["1"]


def test_the_sheet_that_is_checked_is_the_one_that_is_read() -> None:
    with zipfile.ZipFile(io.BytesIO(XLSX)) as archive:
        relations, book = (archive.read(name).decode() for name in ("xl/_rels/workbook.xml.rels", "xl/workbook.xml"))
    second = (
        '<worksheet><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>{}</t></is></c></row></sheetData></worksheet>'
    )
    parts = {
        "xl/worksheets/other.xml": second.format("second").encode(),
        "xl/_rels/workbook.xml.rels": relations.replace(
            "</Relationships>",
            '<Relationship Id="rId9" Type="worksheet" Target="/xl/worksheets/other.xml"/></Relationships>',
        ).encode(),
    }
    sheet = book[book.index("<sheet ") : book.index("</sheets>")]
    other = '<sheet name="other" sheetId="9" r:id="rId9"/>'
    hidden = sheet.replace("<sheet ", '<sheet state="hidden" ')
    for sheets, header in (
        (sheet + other, "phone"),
        (other + sheet, "second"),
        (hidden + other, "second"),
        (hidden, "phone"),
    ):
        content = with_parts(XLSX, parts | {"xl/workbook.xml": book.replace(sheet, sheets).encode()})
        assert open_table(content, "a.xlsx").header[0] == header
        broken = with_parts(content, {"xl/worksheets/other.xml": b"<worksheet>"})
        assert ("cannot be read" in refusal(broken, "a.xlsx")) if header == "second" else open_table(broken, "a.xlsx")


def test_archives_that_unpack_to_too_much_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "convert_workbook", lambda content: pytest.fail("the parser was asked"))
    zeros = with_parts(XLSX, {"xl/media/zeros.bin": bytes(20_000_000)})
    assert len(zeros) < 100_000
    assert "too big when it is unpacked" in refusal(zeros, "a.xlsx")
    monkeypatch.setattr(file_limits, "MAX_UNPACKED", 5_000_000)
    heavy = with_parts(XLSX, {f"xl/media/{part}.bin": bytes(1_000_000) for part in range(6)})
    assert "too big when it is unpacked" in refusal(heavy, "a.xlsx")
    many = with_parts(XLSX, {f"xl/media/{part}.bin": b"" for part in range(2000)})
    assert "more than 2,000 parts" in refusal(many, "a.xlsx")


@pytest.mark.parametrize("name", [SHEET, "xl/sharedStrings.xml", "xl/styles.xml"])
@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_part_that_is_more_than_it_says_is_refused(
    name: str, compression: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workbooks, "convert_workbook", lambda content: pytest.fail("the parser was asked"))
    content = with_parts(XLSX, {name: b"<x>" + bytes(3_000_000) + b"</x>"}, compression)
    assert "says a false size" in refusal(with_false_size(content, name, 50), "a.xlsx")
    assert "says a false size" in refusal(with_false_size(content, name, 4_000_000), "a.xlsx")


def test_a_part_that_is_more_than_it_says_is_not_unpacked_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[int] = []
    inflated = archives.inflated

    def watched(packed: memoryview) -> Iterator[bytes]:
        for chunk in inflated(packed):
            drawn.append(len(chunk))
            yield chunk

    monkeypatch.setattr(archives, "inflated", watched)
    content = with_parts(XLSX, {"xl/styles.xml": bytes(8_000_000)})
    assert "says a false size" in refusal(with_false_size(content, "xl/styles.xml", 50), "a.xlsx")
    assert sum(drawn) < 2 * archives.CHUNK


@pytest.mark.parametrize("beyond", range(0, 1500, 50))
def test_a_part_is_unpacked_to_its_last_byte(beyond: int) -> None:
    part = bytes(archives.CHUNK + beyond)
    packed = zlib.compress(part, wbits=-zlib.MAX_WBITS)
    assert b"".join(archives.inflated(memoryview(packed))) == part


@pytest.mark.parametrize(
    "document",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]><worksheet>&b;</worksheet>',
        b'<!DOCTYPE x SYSTEM "file:///etc/hostname"><worksheet/>',
        b"<worksheet><sheetData>",
        "<worksheet/>".encode("utf-16"),
        b'<worksheet><c r="A0x1"/></worksheet>',
        b'<worksheet><row r="many"/></worksheet>',
    ],
)
def test_a_sheet_that_no_program_writes_is_refused(document: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workbooks, "convert_workbook", lambda content: pytest.fail("the parser was asked"))
    assert refusal(with_parts(XLSX, {SHEET: document}), "a.xlsx") == archives.UNREADABLE


def test_parts_of_endless_elements_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_limits, "MAX_CELLS", 1000)
    assert refusal(with_sheet("<c/>" * 3001), "a.xlsx") == archives.TOO_BIG_UNPACKED
    many = b"<sheets>" + b"<sheet/>" * archives.MOST_ELEMENTS + b"</sheets>"
    assert refusal(with_parts(XLSX, {"xl/workbook.xml": many}), "a.xlsx") == archives.TOO_BIG_UNPACKED


def test_a_tag_without_an_end_is_not_held_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "LONGEST_TAG", 2 * archives.CHUNK)
    seen: list[str] = []
    attributes = b" ".join(b'a%d=""' % number for number in range(400_000))
    parts = [attributes[start : start + archives.CHUNK] for start in range(0, len(attributes), archives.CHUNK)]
    with pytest.raises(ContactFileError):
        archives.parse([b"<worksheet ", *parts, b"/>"], lambda name, _: seen.append(name))
    assert not seen
    text = [b"a" * archives.CHUNK] * 5
    archives.parse([b"<worksheet>", *text, b"</worksheet>"], lambda name, _: seen.append(name))
    assert seen == ["worksheet"]


@pytest.mark.parametrize("name", ["xl/workbook.xml", "xl/_rels/workbook.xml.rels", SHEET])
def test_an_archive_without_what_a_workbook_needs_is_refused(name: str) -> None:
    assert refusal(with_parts(XLSX, {name: None}), "a.xlsx") == archives.UNREADABLE
    twice = with_parts(XLSX, {name.upper(): b"<x/>"})
    assert refusal(twice, "a.xlsx") == archives.UNREADABLE


def test_a_locked_or_unusually_packed_part_is_refused() -> None:
    at = XLSX.index(b"PK\x01\x02")
    locked = XLSX[: at + 8] + bytes([XLSX[at + 8] | 1]) + XLSX[at + 9 :]
    assert refusal(locked, "a.xlsx") == archives.UNREADABLE
    assert refusal(with_parts(XLSX, {}, zipfile.ZIP_LZMA), "a.xlsx") == archives.UNREADABLE


def test_one_long_text_shown_in_every_cell_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "<sst><si><t>" + "a" * 1_000_000 + "</t></si></sst>"
    cells = "".join(f'<row r="{row}"><c r="A{row}" t="s"><v>0</v></c></row>' for row in range(1, 5001))
    content = with_parts(with_sheet(f"<sheetData>{cells}</sheetData>"), {"xl/sharedStrings.xml": text.encode()})
    assert len(content) < 60_000
    begun = time.monotonic()
    assert refusal(content, "a.xlsx") == workbooks.TOO_MUCH  # the 5 GB are not had
    assert time.monotonic() - begun < 20

"""Encodings of text files: detected from real names, chosen, and damaged."""

from __future__ import annotations

import codecs

import pytest

from portal.contacts.encodings import ENCODINGS, detect_encoding
from portal.contacts.file_limits import ContactFileError
from portal.contacts.files import ReadChoices, open_table
from tests.contacts.sample_files import as_csv, refusal

NAMES = {
    "utf-8": "José Łukasz Иванов 王伟",
    "cp1252": "André Hélène François Müller Søren O’Brien “Bob” – 5 €",
    "mac-roman": "André Hélène François Müller Jäger Groß O’Brien María León",
    "cp850": "Müller Jäger Schröder Böhm José Hélène",
    "cp1250": "Łukasz Wałęsa Małgorzata Gdańsk Żółkiewski",
    "iso-8859-2": "Jiří Růžička Dvořák Plzeň Lukáš Němec Tomáš",
    "cp1251": "Иванов Мария Сергей Москва",
    "koi8-u": "Иванов Мария Сергей Москва",
    "cp1253": "Γιώργος Παπαδόπουλος Αθήνα",
    "cp1254": "Şahin Yıldız Öztürk Işık Doğan Erdoğan Çelik Aydın",
    "cp1255": "כהן לוי דוד שרה רחל יעקב ירושלים",
    "cp1256": "محمد أحمد فاطمة",
    "cp932": "田中 鈴木 東京 山田太郎",
    "gb18030": "王伟 李娜 北京 张敏",
    "big5": "王小明 林美麗 台北 陳大文",
    "cp949": "김민수 이영희 서울 박지성",
}


def names_file(names: str, encoding: str) -> bytes:
    rows = [[f"+1202555{number:04d}", name] for number, name in enumerate(names.split(), 100)]
    return as_csv([["phone", "name"], *rows, ["+12025550199", "Bob"]], encoding=encoding)


@pytest.mark.parametrize("encoding", NAMES)
def test_the_encoding_of_names_is_detected_and_can_be_chosen(encoding: str) -> None:
    content = names_file(NAMES[encoding], encoding)
    table = open_table(content, "a.csv")
    assert [row.cells[1] for row in table.rows()] == [*NAMES[encoding].split(), "Bob"]
    assert (table.encoding, table.replaced_characters) == (encoding, 0)
    chosen = open_table(content, "a.csv", ReadChoices(encoding=encoding))
    assert list(chosen.rows()) == list(table.rows())


@pytest.mark.parametrize("name", ["André", "Zoë", "Müller", "Núñez", "Søren"])
@pytest.mark.parametrize("encoding", ["cp1252", "mac-roman"])
def test_one_name_suffices_for_western_encodings(name: str, encoding: str) -> None:
    assert detect_encoding(names_file(name, encoding)) == encoding


@pytest.mark.parametrize(
    ("start", "encoding", "detected"),
    [
        (b"", "utf-16-le", "utf-16"),
        (b"", "utf-16-be", "utf-16"),
        (b"", "utf-32-le", "utf-32"),
        (codecs.BOM_UTF8, "utf-8", "utf-8"),
        (codecs.BOM_UTF8 * 2, "utf-8", "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_LE * 2, "utf-16-le", "utf-16"),
        (codecs.BOM_UTF16_BE, "utf-16-be", "utf-16"),
        (codecs.BOM_UTF32_LE, "utf-32-le", "utf-32"),
        (codecs.BOM_UTF32_BE, "utf-32-be", "utf-32"),
    ],
)
def test_unicode_is_detected_with_and_without_byte_order_marks(start: bytes, encoding: str, detected: str) -> None:
    content = start + names_file("José Łukasz", encoding)
    table = open_table(content, "a.csv")
    assert (table.encoding, table.header) == (detected, ["phone", "name"])
    assert [row.cells[1] for row in table.rows()] == ["José", "Łukasz", "Bob"]
    assert open_table(content, "a.csv", ReadChoices(encoding=detected)).header == table.header


def test_single_foreign_bytes_do_not_change_the_other_cells() -> None:
    content = names_file("José " * 40, "utf-8") + b"+12025550198,Jos\xe9\r\n"
    table = open_table(content, "a.csv")
    assert [row.cells[1] for row in table.rows()] == ["José"] * 40 + ["Bob", "Jos\ufffd"]
    assert (table.encoding, table.replaced_characters) == ("utf-8", 1)
    chosen = open_table(content, "a.csv", ReadChoices(encoding="cp1252"))
    assert next(chosen.rows()).cells[1] == "JosÃ©"


@pytest.mark.parametrize(
    ("alias", "encoding"),
    [
        ("UTF8", "utf-8"),
        ("windows-1252", "cp1252"),
        ("macintosh", "mac-roman"),
        ("Shift_JIS", "cp932"),
        ("GBK", "gb18030"),
    ],
)
def test_an_encoding_has_several_names(alias: str, encoding: str) -> None:
    assert open_table(b"phone\n1\n", "a.csv", ReadChoices(encoding=alias)).encoding == encoding


@pytest.mark.parametrize("name", ["rot13", "idna", "base64", "a\0", "x" * 1000, "é"])
def test_an_unknown_encoding_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ContactFileError, match="encoding must be one of utf-8, utf-16, ") as caught:
        open_table(b"phone\n1\n", "a.csv", ReadChoices(encoding=name))
    assert caught.value.field == "encoding"


def test_text_that_cannot_be_in_the_chosen_encoding_is_refused() -> None:
    assert "is not UTF-32 text; choose another" in refusal(b"phone", "a.csv", ReadChoices("utf-32", ","))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_has_a_codec(encoding: str) -> None:
    assert codecs.lookup(encoding)

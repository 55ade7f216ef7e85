"""Named values that break careless programs: as bytes in an address, form or header, and as raw JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True)
class MalformedValue:
    """A malformed value. `whole` = as JSON it can make the whole body unreadable, so no field can be named."""

    name: str
    wire: bytes
    json: bytes
    whole: bool = False


def text(name: str, value: str) -> MalformedValue:
    """Return a text, encoded as JSON."""
    return MalformedValue(name, value.encode("utf-8", "surrogatepass"), json.dumps(value).encode())


def raw(name: str, value: bytes) -> MalformedValue:
    """Return bytes that are not UTF-8."""
    return MalformedValue(name, value, b'"' + value + b'"', whole=True)


def bare(name: str, value: str, *, whole: bool = False) -> MalformedValue:
    """Return raw JSON: numbers, words, lists."""
    return MalformedValue(name, value.encode(), value.encode(), whole)


CONTROLS = {
    "NUL": "\0",
    "start of heading": "\x01",
    "bell": "\x07",
    "backspace": "\b",
    "tab": "\t",
    "line feed": "\n",
    "vertical tab": "\v",
    "form feed": "\f",
    "carriage return": "\r",
    "CRLF and a header": "\r\nX-Injected: yes\r\n\r\n<p>",
    "escape sequence": "\x1b[2J\x1b]0;owned\x07",
    "unit separator": "\x1f",
    "delete": "\x7f",
    "next line": "\x85",
    "application program command": "\x9f",
    "line separator": "\u2028",
    "paragraph separator": "\u2029",
}

NOT_UTF8 = {
    "a byte that never is": b"\xff",
    "an overlong slash": b"\xc0\xaf",
    "an overlong NUL": b"\xc0\x80",
    "a surrogate in UTF-8": b"\xed\xa0\x80",
    "a character cut short": b"\xe2\x82",
    "past the last character": b"\xf4\x90\x80\x80",
    "Latin-1": b"\xe9t\xe9",
    "UTF-16": b"\xff\xfea\0",
    "a continuation alone": b"\x80",
}

UNICODE = {
    "right-to-left override": "abc\u202egnp.exe",
    "isolates left open": "\u2066\u2067\u2068",
    "zero width space": "\u200b",
    "zero width joiner": "a\u200db",
    "byte order mark": "\ufeff",
    "soft hyphen": "a\u00adb",
    "a thousand accents": "a" + "\u0301" * 1000,
    "an accent alone": "\u0301",
    "decomposed": "e\u0301te\u0301",
    "a ligature": "\ufb03",
    "dotted capital I": "İ",
    "dotless i": "ı",
    "sharp s": "STRAẞE",
    "final sigma": "ΟΔΟΣ",
    "a family": "👨‍👩‍👧‍👦",
    "a flag": "🏴󠁧󠁢󠁥󠁮󠁧󠁿",
    "no character": "\uffff",
    "replacement character": "\ufffd",
    "last code point": "\U0010ffff",
    "private use": "\ue000",
    "tag characters": "\U000e0041\U000e0042",
    "full-width digits": "１２",
    "Arabic digits": "٣",
    "Devanagari digits": "३",
    "a superscript": "²",
    "a Roman numeral": "Ⅷ",
    "mathematical digits": "𝟙",
    "a minus sign": "−1",
    "an ideographic number": "三",
    "full-width angle brackets": "＜script＞",
}

SURROGATES = {
    "a high surrogate": "\ud800",
    "a low surrogate": "\udfff",
    "surrogates in the wrong order": "\udc00\ud800",
}

NUMBERS = {
    "zero": "0",
    "minus one": "-1",
    "minus zero": "-0",
    "one and a half": "1.5",
    "one point zero": "1.0",
    "exponent": "1e3",
    "negative exponent": "1e-3",
    "half of 2^32": "2147483648",
    "2^31 - 1": "2147483647",
    "2^32": "4294967296",
    "2^53 + 1": "9007199254740993",
    "2^63 - 1": "9223372036854775807",
    "2^63": "9223372036854775808",
    "-2^63 - 1": "-9223372036854775809",
    "2^64": "18446744073709551616",
    "10^400": "1" + "0" * 400,
    "10^5000": "1" + "0" * 5000,
    "too large an exponent": "1e400",
    "a tiny number": "5e-324",
    "a million decimals": "0." + "1" * 10_000,
}

# Values that are not valid JSON.
NOT_JSON = {
    "not a number": "NaN",
    "infinity": "Infinity",
    "minus infinity": "-Infinity",
    "hexadecimal": "0x10",
    "leading zeros": "007",
    "plus one": "+1",
    "a point and a digit": ".5",
    "a digit and a point": "1.",
    "underscores": "1_000",
    "nothing at all": "",
    "half a list": "[1,",
    "a comment": "/**/1",
    "single quotes": "'a'",
    "an open string": '"abc',
}

WORDS = {
    "null": "null",
    "true": "true",
    "false": "false",
    "an empty list": "[]",
    "an empty object": "{}",
    "a list of null": "[null]",
    "a list of lists": "[[1]]",
    "an object": '{"a": 1}',
    "an object with operators": '{"$ne": null}',
    "a prototype": '{"__proto__": {"admin": true}}',
    "a list of 1,001 ones": "[" + ",".join(["1"] * 1001) + "]",
    "a list with a long text": '["' + "a" * 70_000 + '"]',
    "a name of 70,000 characters": '{"' + "a" * 70_000 + '": 1}',
    "an object with an empty name": '{"": 1}',
}

TEXTS = {
    "blank": " ",
    "blanks": "   \u00a0\u3000 ",
    "None": "None",
    "undefined": "undefined",
    "a thousand, with its comma": "1,000",
    "a thousand, with a blank": "1 000",
    "octal": "0o17",
    "binary": "0b11",
    "a fraction": "1/3",
    "201 characters": "a" * 201,
    "70,000 characters": "a" * 70_000,
    "70,000 digits": "9" * 70_000,
    "70,000 percent signs": "%" * 70_000,
    "70,000 bytes of accents": "é" * 35_000,
    "70,000 blanks": " " * 70_000,
    "70,000 wildcards": "_%" * 35_000,
    "10,000 quotes": "'\"" * 5_000,
    "a slash, encoded": "%2f",
    "NUL, encoded": "%00",
    "a slash": "a/b",
    "up and away": "../../../../etc/passwd",
    "up, encoded twice": "%252e%252e%252f",
    "a dot": ".",
    "two slashes": "//example.net/",
    "backslashes": "\\\\example.net\\share",
    "an address": "https://example.net/",
    "a script address": "javascript:alert(1)",
    "a data address": "data:text/html,<script>alert(1)</script>",
    "a file address": "file:///etc/passwd",
    "an apostrophe": "O'Brien",
    "SQL": "' OR 1=1; DROP TABLE batches; --",
    "SQL in a comment": "*/ UNION SELECT password_hash FROM users /*",
    "wildcards": "%_*?",
    "a backslash": "\\",
    "quotes of all kinds": "\"'`´“”«»",
    "FTS operators": 'a" OR b NEAR/2 NOT *',
    "a shell": "$(id)`id`;id|id",
    "a template": "{{ 7*7 }}{% raw %}${7*7}#{7*7}<%= 7*7 %>",
    "a format": "%s%n%x{0.__class__}",
    "a script": "<script>alert(1)</script>",
    "an attribute": "\" autofocus onfocus=alert(1) x='",
    "an entity": "&lt;&#x27;&nbsp;&",
    "CDATA": "<![CDATA[x]]>",
    "a formula": '=HYPERLINK("http://example.net","x")',
    "a formula of DDE": "@SUM(1+1)*cmd|' /C calc'!A0",
    "repeated by a comma": "1,1,1",
    "a semicolon": "a;b=c",
    "an ampersand": "a&page=2",
    "a hash": "a#b",
    "day zero": "0000-00-00",
    "the last day": "9999-12-31",
    "the first moment, and earlier": "0001-01-01T00:00:00+14:00",
    "30 February": "2025-02-30",
    "month 13": "2025-13-01",
    "24 o'clock": "2025-05-01T24:00:00Z",
    "a leap second": "2016-12-31T23:59:60Z",
    "the year 10000": "10000-01-01",
    "a week date": "2025-W10-1",
    "an impossible offset": "2025-05-01T12:00:00+99:99",
    "24 zeros": "0" * 24,
    "24 hex digits, upper case": "ABCDEF0123456789ABCDEF01",
    "23 hex digits": "a" * 23,
    "an id and a line feed": "a" * 24 + "\n",
    "full-width hex digits": "ａ" * 24,
    "a plus": "+",
    "40 digits and a plus": "+" + "1" * 40,
    "a number with letters": "+1-800-FLOWERS",
    "a number with an extension": "+12025550101;ext=9",
    "a method's name": "__init__",
    "a zone that leads away": "../../etc/localtime",
    "a zone and more": "Europe/Lisbon\0",
    "a setting": "SECRET_KEY",
}


def all_values() -> Iterator[MalformedValue]:
    """Return every value; names are unique."""
    for name, value in (CONTROLS | UNICODE | SURROGATES | TEXTS).items():
        yield text(name, value)
    for name, value in NOT_UTF8.items():
        yield raw(name, value)
    for name, value in (NUMBERS | WORDS).items():
        yield bare(name, value, whole=value.startswith("1000000") and len(value) > 4000)
    for name, value in NOT_JSON.items():
        yield bare(name, value, whole=True)
    yield bare("30 deep", "[" * 30 + "]" * 30, whole=True)
    yield bare("100,000 deep", "[" * 100_000 + "]" * 100_000, whole=True)
    yield bare("objects 10,000 deep", '{"a":' * 10_000 + "1" + "}" * 10_000, whole=True)
    yield bare("a name twice", '{"a": 1, "a": 2}', whole=True)


VALUES = tuple(all_values())

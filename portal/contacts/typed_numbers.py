"""Reduce a phone number as people and programs write it to a plus sign, digits and blanks between groups of them.

A text is refused for its length before any pattern reads it, so that no text takes long.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from portal.contacts.column_names import ColumnTopic, find_topic
from portal.contacts.number_problems import InvalidNumber, NumberProblem

MAX_TYPED_LENGTH = 100  # characters; more than any number with its label, spaces and brackets

PLAIN = re.compile(r"\+?[0-9]+")
FORMATTED = re.compile(r"[(+]{0,2}[0-9][0-9 ()-]*")  # as most numbers are written
SCIENTIFIC = re.compile(r"\+?([0-9])(?:[.,]([0-9]*))?[eE]\+?([0-9]{1,2})")
GROUPED = re.compile(r"[1-9][0-9]{0,2}(?:,[0-9]{3}){2,}(?:\.0+)?")
FRACTION = re.compile(r"-?(?:0|[1-9][0-9]*)[.,][0-9]+")
MONTH, DAY, YEAR = r"(?:0?[1-9]|1[0-2])", r"(?:0?[1-9]|[12][0-9]|3[01])", r"(?:19|20)[0-9]{2}"
DATE = re.compile(
    rf"(?:{YEAR}([-./]){MONTH}\1{DAY}|(?:{DAY}([-./]){MONTH}|{MONTH}([-./]){DAY})(?:\2|\3){YEAR}"
    rf"|{DAY}/{DAY}/[0-9]{{2}})(?:[T ][0-9:.,]+(?: ?[AaPp][Mm]|Z|[+-][0-9:]+)?)?"
)
LINK = re.compile(
    r"(?:https?://)?(?:(?:www\.|api\.)?(?:wa\.me/|whatsapp\.com/send/?\?phone=)|whatsapp://send/?\?phone=)"
    r"(?:\+|%2B)?([0-9]+).*",
    re.IGNORECASE,
)
ACCOUNT = re.compile(r"\+?([0-9]+)(?::[0-9]+)?@(?:c\.us|s\.whatsapp\.net)", re.IGNORECASE)
SIP = re.compile(r"sips?:(\+?[0-9]+)@.+", re.IGNORECASE)
LABEL = re.compile(r"([^\W\d_][^\d:+(]{0,40}):(?://)?")
WORD = re.compile(r"[^\W\d_]+")
LAST_WORD = re.compile(r"([^\W\d_]+)\.?$")
BRACKETED = re.compile(r"[(\[][^\d()\[\]+]*[)\]]")
LAST_BRACKETED = re.compile(r"[(\[][^\d()\[\]+]*[)\]]$")
EXTENSION = re.compile(
    r"(?:ext(?:ension|n)?|durchwahl|dw|poste|anexo|ramal|int(?:erno)?|toestel|wew|доб|[x#])[.:=, ]*([0-9]+)$"
)
SECOND_PLUS = re.compile(r"[0-9][^0-9+]*\+[^0-9]*[0-9]")
SEPARATOR = re.compile(r"[;|,\n&\\]+|\b(?:or|and|und|oder|et|ou|y|e|och|eller|of|en|lub|или|и)\b")
PREFIX_00 = re.compile(r"(?<![(\[ ])[(\[ ]*00 *\+")
SHAPE = re.compile(r"[+0-9 ()\[\]./-]+")
LONG_GROUP = re.compile(r"\+?[0-9]{6,}")

SYMBOLS = {
    **dict.fromkeys("‘’‚“”„«»‹›`´′″＂＇", '"'),
    **dict.fromkeys("−˗﹣", "-"),
    **dict.fromkeys("⁄∕÷", "/"),
    **dict.fromkeys("．。·•・∙⋅․", "."),
    **dict.fromkeys("⁺﹢➕", "+"),
    **dict.fromkeys("،、，", ","),
    **dict.fromkeys("؛；", ";"),
    **dict.fromkeys("\u115f\u1160\u2800\u3164\uffa0", ""),  # blank letters
}
INNER = str.maketrans("'\"_", "   ")  # between groups: 044'668'18'00
EDGES = " \t\r\n\"';,.:/|-*_~="
LABEL_LETTERS = frozenset("tmphwc")  # telephone, mobile, phone, home, work, cell
EMPTY_WORDS = frozenset(("x", "ext", "extension"))  # of an extension that is not there


def strip_decoration(text: str) -> str:
    """Return the plus sign, digits and separators of a typed number. Raises InvalidNumber."""
    typed = text.strip()
    if len(typed) > MAX_TYPED_LENGTH:
        raise InvalidNumber(NumberProblem.TOO_LONG)
    if PLAIN.fullmatch(typed):
        return typed
    if FORMATTED.fullmatch(typed) and not DATE.fullmatch(typed):
        require_one_group(typed)
        return typed
    if not typed.isascii():
        typed = "".join(map(simplify_character, typed))
    typed = strip_spreadsheet_forms(typed)
    if not any(map(str.isdigit, typed)):
        has_text = any(map(str.isalnum, typed))
        raise InvalidNumber(NumberProblem.NOT_A_NUMBER if has_text else NumberProblem.EMPTY)
    typed = strip_labels(typed)
    typed = PREFIX_00.sub("+", typed, count=1).translate(INNER)
    require_one_number(typed)
    if not SHAPE.fullmatch(typed):
        has_letters = any(map(str.isalpha, typed)) and count_digits(typed)
        raise InvalidNumber(NumberProblem.LETTERS if has_letters else NumberProblem.NOT_A_NUMBER)
    return typed


@lru_cache(maxsize=4096)
def simplify_character(character: str) -> str:
    """Return the ASCII character that has the same meaning in a number; "" for invisible characters and emoji."""
    if character in SYMBOLS:
        return SYMBOLS[character]
    digit = unicodedata.decimal(character, None)
    if digit is not None:
        return str(digit)
    if "\uff01" <= character <= "\uff5e":  # full-width forms
        return chr(ord(character) - 0xFEE0)
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me", "So", "Sk"):
        return ""
    return {"Zs": " ", "Zl": "\n", "Zp": "\n", "Pd": "-"}.get(category, character)


def strip_spreadsheet_forms(typed: str) -> str:
    """Remove the additions of spreadsheets around a number. Raises InvalidNumber for a value that is not a number."""
    typed = typed.strip(" \t\r\n\"'")
    if typed.startswith("="):  # ="0201234" keeps a leading zero
        typed = typed.strip(" =\"'")
        if typed[:1] not in "+(0123456789":
            raise InvalidNumber(NumberProblem.FORMULA)
    if typed.startswith("#"):
        if not typed.strip("#"):
            raise InvalidNumber(NumberProblem.SHORTENED)
        if typed[1].isalpha():
            raise InvalidNumber(NumberProblem.SPREADSHEET_ERROR)
        typed = typed.lstrip("# ")
    if scientific := SCIENTIFIC.fullmatch(typed):
        first, decimals, exponent = scientific[1], scientific[2] or "", int(scientific[3])
        if len(decimals) != exponent:
            raise InvalidNumber(NumberProblem.SHORTENED)
        return first + decimals
    whole = typed.rstrip("0")
    if whole != typed and whole[-1:] in (".", ",") and PLAIN.fullmatch(whole[:-1]):
        return whole[:-1]
    if GROUPED.fullmatch(typed):
        return typed.partition(".")[0].replace(",", "")
    if FRACTION.fullmatch(typed):
        raise InvalidNumber(NumberProblem.FRACTION)
    if DATE.fullmatch(typed):
        raise InvalidNumber(NumberProblem.DATE)
    return typed


def strip_labels(typed: str) -> str:
    """Remove the words, links and punctuation around a number, such as "Tel.:" and "(mobile)"."""
    for pattern in (LINK, ACCOUNT):
        if match := pattern.fullmatch(typed):
            return f"+{match[1]}"
    if match := SIP.fullmatch(typed):
        return match[1]
    typed = typed.lstrip(EDGES).rstrip(EDGES)
    for _ in range(3):  # "Phone: (mobile) M +1…"
        before = typed
        if typed[:1].isalpha():
            typed = strip_first_label(typed)
        elif match := BRACKETED.match(typed):
            typed = typed[match.end() :] if is_removable(match[0]) else typed
        if match := LAST_WORD.search(typed):
            word = match[1].lower()
            if word in EMPTY_WORDS or is_phone_word(word):
                typed = typed[: match.start()]
        elif (match := LAST_BRACKETED.search(typed)) and is_removable(match[0]):
            typed = typed[: match.start()]
        typed = typed.lstrip(EDGES).rstrip(EDGES + "#+" if has_leading_plus(typed) else EDGES + "#")
        if typed == before:
            break
    if typed.endswith("+"):  # written from right to left
        typed = f"+{typed[:-1].rstrip()}"
    return typed


def has_leading_plus(typed: str) -> bool:
    """Return whether a plus sign comes before the digits."""
    return "+" in typed[:3]


def strip_first_label(typed: str) -> str:
    """Remove a label that starts with a letter, if it is one."""
    if label := LABEL.match(typed):
        return typed[label.end() :] if is_removable(label[1]) else typed
    word = WORD.match(typed)
    return typed[word.end() :] if word and is_phone_word(word[0].lower()) else typed


def is_removable(label: str) -> bool:
    """Return whether a label does not say that the number is another one, such as a fax number or a date."""
    return find_topic(label) is not ColumnTopic.OTHER


def is_phone_word(word: str) -> bool:
    """Return whether a word in lower case is a usual label of a phone number."""
    return word in LABEL_LETTERS or find_topic(word) is ColumnTopic.PHONE


def require_one_number(typed: str) -> None:
    """Raise InvalidNumber if the text holds several numbers, or a number with an extension."""
    lower = typed.lower()
    if SECOND_PLUS.search(typed):
        raise InvalidNumber(NumberProblem.SEVERAL_NUMBERS)
    if (extension := EXTENSION.search(lower)) and count_digits(lower[: extension.start()]) >= 5:
        raise InvalidNumber(NumberProblem.EXTENSION)
    parts = [part for part in SEPARATOR.split(lower) if count_digits(part)]
    if len(parts) > 1 and count_digits(parts[0]) > 5:
        is_extension = len(parts) == 2 and count_digits(parts[1]) <= 5
        raise InvalidNumber(NumberProblem.EXTENSION if is_extension else NumberProblem.SEVERAL_NUMBERS)
    if has_second_slash_number(typed):
        raise InvalidNumber(NumberProblem.SEVERAL_NUMBERS)
    require_one_group(typed)


def count_digits(text: str) -> int:
    """Return the number of ASCII digits in a text."""
    return sum(character in "0123456789" for character in text)


def has_second_slash_number(typed: str) -> bool:
    """Return whether a slash separates two numbers: 555010/555011, 030 231250/02.

    A slash may also follow the area code (030/2312501), and slashes may separate short groups (01/99/00/12/40).
    """
    parts = [part for part in typed.split("/") if count_digits(part)]
    if len(parts) < 2:
        return False
    sizes = [count_digits(part) for part in parts]
    start = parts[0].lstrip(" ([")
    limit = 8 if start.startswith(("+", "00")) else 6 if start.startswith("0") else 4
    first, last = sizes[0], sizes[-1]
    if max(sizes) > 4 and (first > limit or max(sizes[1:-1], default=0) > 6 or last < 4):
        return True
    return last > 4 and parts[-1].lstrip(" (").startswith("0")


def require_one_group(typed: str) -> None:
    """Raise InvalidNumber for two long groups of digits that could be read as one long number: 555010 555011."""
    groups = LONG_GROUP.findall(typed)
    if len(groups) < 2:
        return
    first, second = groups[:2]
    if first.startswith(("+", "00")):
        has_two = len(groups) > 2
    else:
        has_two = len(first) == len(second) or second.startswith(first[:2])
    if has_two:
        raise InvalidNumber(NumberProblem.SEVERAL_NUMBERS)

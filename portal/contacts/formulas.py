"""Make text harmless for spreadsheets that open a CSV file, and restore it when the file comes back."""

from __future__ import annotations

import re

BLANKS = r"[\s\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202f\u2060-\u2064\ufeff]*"  # including invisible ones
FORMULA = re.compile(rf"'*{BLANKS}[=+\-@＝＋－＠\t\r\n]")
PHONE_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
DECIMAL = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")


def escape_formula(text: str) -> str:
    """Return `text` with an apostrophe in front if a spreadsheet would run it as a formula, else unchanged.

    After white space, a formula starts with = + - or @, also in full width; a tab or line break in front can hide it.
    Phone numbers in E.164 and decimal numbers are unchanged: a sign and digits cannot name a function, cell or program.
    Text that looks escaped gets another apostrophe, so that `restore_formula` returns every text as it was.
    """
    if FORMULA.match(text) and not PHONE_NUMBER.fullmatch(text) and not DECIMAL.fullmatch(text):
        return f"'{text}"
    return text


def restore_formula(text: str) -> str:
    """Return the text of which `escape_formula` made `text`."""
    return text[1:] if text.startswith("'") and FORMULA.match(text, 1) else text

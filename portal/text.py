"""Rules for all text input: forbidden characters, and comparison that ignores case."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """Return `text` folded for comparison without case, in all of Unicode and identically for both databases.

    NFC comes first, so that an accent typed as one character matches one stored as two. Unicode's full case folding
    (chapter 3.13) then makes `ÉTÉ` equal to `été`, and `STRASSE` to `Straße`.
    """
    return unicodedata.normalize("NFC", text).casefold()


def same_ascii(one: str, other: str) -> bool:
    """Return whether two texts are equal but for the case of the letters A to Z.

    For names that grant access: Unicode's folding makes U+212A (Kelvin sign) equal to k, and U+017F (long s) to s.
    """
    return one.encode(errors="replace").lower() == other.encode(errors="replace").lower()


def find_forbidden_character(text: str) -> str | None:
    """Return a description of the first forbidden character in `text`, or None."""
    for character in text:
        category = unicodedata.category(character)
        if category == "Cc":
            return "a control character"
        if category == "Cs":
            return "a lone surrogate"
    return None


def parse_digits(text: str, maximum_length: int = 20) -> int | None:
    """Return a whole number from ASCII digits, or None.

    int() alone would accept other scripts' digits, underscores, signs and white space, and is quadratic.
    """
    is_number = len(text) <= maximum_length and text.isascii() and text.isdigit()
    return int(text) if is_number else None

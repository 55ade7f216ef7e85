"""Text rules that hold for every input: what is refused, and how case is ignored."""

from __future__ import annotations

import unicodedata


def fold(text: str) -> str:
    """`text` as it is compared when case must not matter, for all of Unicode, the same on both databases.

    NFC first, so that an accent typed as one character finds one stored as two; then the full case folding of
    Unicode, chapter 3.13 (`ÉTÉ` and `été`, `STRASSE` and `Straße` fold alike).
    """
    return unicodedata.normalize("NFC", text).casefold()


def find_forbidden_character(text: str) -> str | None:
    """The first thing in `text` that no stored or searched text may hold, in words; None when there is nothing."""
    for character in text:
        category = unicodedata.category(character)
        if category == "Cc":
            return "a control character"
        if category == "Cs":
            return "a lone surrogate"
    return None

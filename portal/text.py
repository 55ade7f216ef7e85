"""Text rules that hold for every input: what is refused, and how case is ignored."""

from __future__ import annotations

import re
import secrets
import time
import unicodedata

HEX_ID = re.compile(r"[0-9a-fA-F]{24}")


def fold(text: str) -> str:
    """`text` as it is compared when case must not matter, for all of Unicode, the same on both databases.

    NFC first, so that an accent typed as one character finds one stored as two; then the full case folding of
    Unicode, chapter 3.13 (`ÉTÉ` and `été`, `STRASSE` and `Straße` fold alike).
    """
    return unicodedata.normalize("NFC", text).casefold()


def forbidden_character(text: str) -> str | None:
    """The first thing in `text` that no stored or searched text may hold, in words; None when there is nothing."""
    for character in text:
        category = unicodedata.category(character)
        if category == "Cc":
            return "a control character"
        if category == "Cs":
            return "a lone surrogate"
    return None


def new_id() -> str:
    """A new public id: 24 lower-case hex characters, the first 8 the time in seconds, so that ids tend to ascend."""
    return f"{int(time.time()) & 0xFFFFFFFF:08x}{secrets.token_hex(8)}"


# Letters and digits that nobody takes for one another.
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 4, 4


def new_readable() -> str:
    """A new secret of some 79 random bits that a person can read aloud and type: k3pq-…, in GROUPS of GROUP letters."""
    return "-".join("".join(secrets.choice(READABLE) for _ in range(GROUP)) for _ in range(GROUPS))


def parse_id(text: str) -> str | None:
    """The id that `text` spells, in lower case; None when it is not 24 hex characters."""
    return text.lower() if HEX_ID.fullmatch(text) else None

"""Rules for all text input: forbidden characters, names, and comparison that ignores case."""

from __future__ import annotations

import re
import unicodedata

# Unicode's Default_Ignorable_Code_Point: soft hyphens, zero-width characters, variation selectors, fillers, tags.
IGNORABLE = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
LINE_SEPARATORS = frozenset("\u2028\u2029")
# Letters and symbols by category that are drawn as blank space.
BLANK_LETTERS = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159")

MAX_EMAIL_LENGTH = 300  # characters that are folded


def fold(text: str) -> str:
    """Return `text` folded for search, identically for both databases.

    The rules are those of the contract, section 1: Unicode's NFKC_Casefold, so that `été` equals `ÉTÉ` and `abc` equals
    `ＡＢＣ`; the dot that case folding leaves after the i of `İ` is removed; runs of white space become one blank, and
    white space at the ends is removed.
    """
    if text.isascii():
        return " ".join(text.lower().split())
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold()).casefold()
    folded = unicodedata.normalize("NFKC", IGNORABLE.sub("", folded).replace("i\u0307", "i"))
    return " ".join(folded.split())


def fold_email(text: str) -> str:
    """Return an email address folded for comparison without case; stored addresses depend on this rule.

    It finds fewer texts equal than `fold`, because it decides who signs in. The length is bounded: the texts of sign-in
    forms come from anybody, and an address has at most 254 characters.
    """
    return unicodedata.normalize("NFC", text.strip()[:MAX_EMAIL_LENGTH]).casefold()


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


def check_name(text: str) -> str:
    """Return the name of a batch, token, list or user if people can see and compare it; otherwise raise ValueError.

    The rules are those of the contract, section 3. An empty text passes: other rules say whether a name is required.
    """
    for character in text:
        if character in BIDI_CONTROLS:
            raise ValueError(f"must not hold U+{ord(character):04X}, which changes the direction of text; remove it")
        if character in LINE_SEPARATORS:
            raise ValueError(f"must not hold U+{ord(character):04X}, which starts a new line; remove it")
    if text and not any(is_visible(character) for character in text):
        raise ValueError("must have a visible character, such as a letter or a digit")
    return text


def is_visible(character: str) -> bool:
    """Return whether a character leaves a mark of its own: a letter, digit, punctuation mark or symbol."""
    category = unicodedata.category(character)
    return category[0] in "LNPS" and character not in BLANK_LETTERS and not IGNORABLE.match(character)

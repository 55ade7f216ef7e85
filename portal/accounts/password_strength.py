"""Detect passwords that are easy to guess. No network and no rules of composition (OWASP ASVS 5.0, 6.2.5)."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable

from zxcvbn import zxcvbn

# zxcvbn looks at this many characters: its time grows steeply with the length, to 4 s for 72 characters.
CHECKED_LENGTH = 24

# A password that zxcvbn guesses in fewer attempts (a power of ten) is easy to guess: the limit of its best score, 4.
MIN_GUESSES_LOG10 = 10

# The words that people put into passwords for this portal, besides their own address and name (ASVS 6.1.2).
CONTEXT_WORDS = (
    *("batch", "portal", "campaign", "outbound", "dialer", "dialler", "call", "center", "centre", "phone", "agent"),
    *("admin", "administrator", "password", "passwort", "welcome", "login", "changeme", "letmein", "secret", "company"),
    *("spring", "summer", "autumn", "winter"),
    *(name.lower() for name in (*calendar.month_name[1:], *calendar.day_name)),
)
MIN_WORD_LENGTH = 4
LOOKALIKES = {"a": "a@4", "e": "e3", "i": "i1!", "l": "l1", "o": "o0", "s": "s$5", "t": "t7"}
WORD = re.compile(r"[^\W\d_]+")


def is_easy_to_guess(password: str, personal: Iterable[str] = ()) -> bool:
    """Return whether a password is easy to guess; `personal` are the email address and name of the account.

    Context words and repeated words count as nothing: what is left must be hard to guess by itself.
    """
    own_words = [word.lower() for text in personal for word in WORD.findall(text)]
    rest = remove_repeated_words(remove_words(password, [*own_words, *CONTEXT_WORDS]))
    return zxcvbn(rest[:CHECKED_LENGTH] or " ")["guesses_log10"] < MIN_GUESSES_LOG10


def remove_words(password: str, words: Iterable[str]) -> str:
    """Remove the words wherever they occur, also with digits or symbols that look like their letters."""
    longest_first = sorted({word for word in words if len(word) >= MIN_WORD_LENGTH}, key=len, reverse=True)
    patterns = ("".join(f"[{re.escape(LOOKALIKES.get(letter, letter))}]" for letter in word) for word in longest_first)
    return re.sub("|".join(patterns), "", password, flags=re.IGNORECASE)


def remove_repeated_words(password: str) -> str:
    """Remove the words that occur before, in any case."""
    seen: set[str] = set()

    def keep_first(match: re.Match[str]) -> str:
        word = match[0].lower()
        is_repeated = word in seen
        seen.add(word)
        return "" if is_repeated else match[0]

    return WORD.sub(keep_first, password)

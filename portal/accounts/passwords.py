"""Passwords: argon2id, by argon2-cffi's own defaults (RFC 9106, low memory); and which ones are too easily guessed."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from zxcvbn import zxcvbn

hasher = PasswordHasher()

# Whoever signs in by OpenID Connect alone has this for a hash: no password fits it.
NO_PASSWORD = "!"  # noqa: S105, no password at all

# zxcvbn looks at so many characters; what comes after them makes no password easier to guess.
CHECKED_LENGTH = 72

# Below so many guesses (as a power of ten) a password falls to somebody who only tries what people commonly choose.
LEAST_GUESSES_LOG10 = 8


def hash_password(password: str) -> str:
    """The hash that is kept."""
    return hasher.hash(password)


@lru_cache(maxsize=1)
def dummy_hash() -> str:
    """A hash to check against when there is no such account, so that the answer takes as long."""
    return hasher.hash("nobody has this password")


def verify_password(password: str, password_hash: str | None) -> bool:
    """Whether the password is the hashed one; without a hash it takes as long and never fits."""
    known = password_hash is not None and password_hash != NO_PASSWORD
    try:
        return hasher.verify(password_hash if known else dummy_hash(), password) and known
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(password_hash: str) -> bool:
    """Whether the hash was made at another cost than today's, and is to be made anew when the password is at hand."""
    return hasher.check_needs_rehash(password_hash)


def is_common(password: str, known: Iterable[str] = ()) -> bool:
    """Whether a password is among, or close to, what people commonly choose; `known` is what goes with the account."""
    told = ["batch portal", "batchportal", *(part for text in known for part in (text, *text.split("@")) if part)]
    return zxcvbn(password[:CHECKED_LENGTH], user_inputs=told)["guesses_log10"] < LEAST_GUESSES_LOG10

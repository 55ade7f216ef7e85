"""Passwords: argon2id, by argon2-cffi's own defaults (RFC 9106, low memory)."""

from __future__ import annotations

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

hasher = PasswordHasher()


def hash_password(password: str) -> str:
    """The hash that is kept."""
    return hasher.hash(password)


@lru_cache(maxsize=1)
def nobodys_hash() -> str:
    """A hash to check against when there is no such account, so that the answer takes as long."""
    return hasher.hash("nobody has this password")


def password_fits(password: str, password_hash: str | None) -> bool:
    """Whether the password is the hashed one; without a hash it takes as long and never fits."""
    try:
        return hasher.verify(password_hash or nobodys_hash(), password) and password_hash is not None
    except (VerificationError, InvalidHashError):
        return False

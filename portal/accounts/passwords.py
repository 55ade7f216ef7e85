"""Hash passwords with argon2id (argon2-cffi's defaults: RFC 9106, low memory)."""

from __future__ import annotations

from functools import lru_cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from portal.accounts.tokens import hash_secret
from portal.models import User
from portal.times import DAY_MS

hasher = PasswordHasher()

# The hash of accounts that sign in only with OpenID Connect; no password matches it.
NO_PASSWORD = "!"  # noqa: S105, not a password

# A temporary password, which someone other than the user has seen, works for this long.
TEMPORARY_MS = 7 * DAY_MS


def hash_password(password: str) -> str:
    """Return the hash to store. Slow on purpose: call it outside of transactions."""
    return hasher.hash(password)


@lru_cache(maxsize=1)
def dummy_hash() -> str:
    """Return a hash to verify against for unknown accounts, so that the response takes the same time."""
    return hasher.hash("not the password of any account")


def verify_password(password: str, password_hash: str | None) -> bool:
    """Return whether the password matches; without a hash it takes the same time and never matches."""
    has_password = password_hash is not None and password_hash != NO_PASSWORD
    try:
        return hasher.verify(password_hash if has_password else dummy_hash(), password) and has_password
    except (VerificationError, InvalidHashError):
        return False


def password_mark(password_hash: str) -> str:
    """Return a value that changes with the password, to bind cookies to it."""
    return hash_secret(password_hash)[:16]


def usable_hash(user: User | None, now: int) -> str | None:
    """Return the hash that a password must match now; None without an account that can sign in with a password."""
    is_usable = user and user.is_active and (user.temporary_until is None or user.temporary_until > now)
    return user.password_hash if is_usable else None


def needs_rehash(password_hash: str) -> bool:
    """Return whether the hash was created with other cost parameters than today's."""
    return hasher.check_needs_rehash(password_hash)

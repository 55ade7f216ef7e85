"""The rules for SECRET_KEY and SECRET_KEY_FALLBACKS."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from portal.settings_error import SettingError

MIN_BYTES = 32
MIN_DISTINCT = 6  # different characters; of 32 random hex digits, fewer differ once in 10^12 keys
ADVICE = "create one with: openssl rand -hex 32"

# Keys that are printed in documentation and example projects.
PUBLISHED_KEYS = frozenset(
    (
        "192b9bdd22ab9ed4d12e236c78afcb9a393ec15f71bbf5dc987d54727823bcbf",
        "5f352379324c22463451387a0aec5d2f",
        "09d25e094faa6ca2556c818166b7a9563b93f7099f6f0f4caa6cf63b88e8d3e7",
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
    )
)
PLACEHOLDERS = ("changeme", "change-me", "change_me", "change this", "replace", "your-secret", "your_secret")
SEQUENCE = "0123456789abcdefghijklmnopqrstuvwxyz"


def parse_secret_key(name: str, text: str) -> str:
    """Return a key that is not set or strong enough. Raises SettingError, whose message does not contain the key."""
    if text and (problem := find_weakness(text)):
        raise SettingError(f"{name} {problem}; {ADVICE}")
    return text


def find_weakness(key: str) -> str:
    """Return why a key can be guessed, as a predicate, or "" if it is strong enough."""
    if len(key.encode(errors="replace")) < MIN_BYTES:
        return f"must be at least {MIN_BYTES} bytes"
    folded = key.lower()
    if folded in PUBLISHED_KEYS or any(word in folded for word in PLACEHOLDERS):
        return "must not be a published example"
    if len(set(key)) < MIN_DISTINCT or key in (key + key)[1:-1] or SEQUENCE[:16] in folded:
        return "must be random"
    return ""


def parse_older_keys(_name: str, text: str) -> tuple[str, ...]:
    """Return the keys of a list that is separated by commas or white space, newest first."""
    return tuple(text.replace(",", " ").split())


def key_settings(key: str, older: Sequence[str]) -> dict[str, Any]:
    """Return Flask's configuration for the present key and older ones.

    An older key that can be guessed only decrypts second factors, because sessions could be forged with it.
    """
    strong = [old for old in older if not find_weakness(old)]
    signing = [*reversed(strong), key]  # itsdangerous signs with the last one
    return {
        "SECRET_KEY": key,
        "SECRET_KEY_FALLBACKS": strong,
        "SIGNING_KEYS": signing,
        "WTF_CSRF_SECRET_KEY": signing,
        "DECRYPTION_KEYS": (key, *older),
    }

"""The format of tokens: `bp_<id>_<secret>` with a public id and a secret of 256 bits, stored as a hash."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

TOKEN = re.compile(r"bp_([0-9a-f]{24})_([A-Za-z0-9_-]{43})")


def new_secret() -> str:
    """Return 256 random bits as 43 URL-safe characters."""
    return secrets.token_urlsafe(32)


def join_token(token_id: str, secret: str) -> str:
    """Return the token as its user sees it."""
    return f"bp_{token_id}_{secret}"


def split_token(token: str) -> tuple[str, str]:
    """Return the id and the secret, or two empty strings if `token` is malformed."""
    match = TOKEN.fullmatch(token)
    return (match[1], match[2]) if match else ("", "")


def hash_secret(secret: str) -> str:
    """Return the SHA-256 hash in hex. A fast hash is enough for 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(secret: str, secret_hash: str) -> bool:
    """Compare a secret with a hash in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)

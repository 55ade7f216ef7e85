"""The shape of a token: `bp_<id>_<secret>`, the id public, the secret 256 bits of which only a hash is kept."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets

TOKEN = re.compile(r"bp_([0-9a-f]{24})_([A-Za-z0-9_-]{43})")


def new_secret() -> str:
    """256 random bits as 43 characters that need no escaping anywhere."""
    return secrets.token_urlsafe(32)


def join_token(token_id: str, secret: str) -> str:
    """The token as its user sees it, once."""
    return f"bp_{token_id}_{secret}"


def split_token(token: str) -> tuple[str, str]:
    """The id and the secret; two empty texts for what is not a token."""
    match = TOKEN.fullmatch(token)
    return (match[1], match[2]) if match else ("", "")


def hash_secret(secret: str) -> str:
    """SHA-256, hex. A plain hash is enough: nobody guesses 256 random bits."""
    return hashlib.sha256(secret.encode()).hexdigest()


def secret_matches(secret: str, secret_hash: str) -> bool:
    """Whether the secret is the one that was hashed, in constant time."""
    return hmac.compare_digest(hash_secret(secret), secret_hash)

"""Encrypt secrets that the database stores, so that a backup alone does not reveal them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF


@lru_cache(maxsize=16)
def make_cipher(secret_key: str, purpose: str) -> Fernet:
    """Return the cipher of one kind of secrets under a SECRET_KEY."""
    key = HKDF(SHA256(), length=32, salt=None, info=f"batch portal: {purpose}".encode()).derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def encrypt_secret(secret: str, secret_key: str, *, purpose: str) -> str:
    """Return the secret as it is stored."""
    return make_cipher(secret_key, purpose).encrypt(secret.encode()).decode()


def decrypt_secret(encrypted: str, secret_keys: Sequence[str], *, purpose: str) -> str | None:
    """Return the secret, or None if it was encrypted with a SECRET_KEY that is not among these."""
    for secret_key in secret_keys:
        try:
            return make_cipher(secret_key, purpose).decrypt(encrypted.encode()).decode()
        except InvalidToken:
            continue
    return None


def renew_encryption(encrypted: str, secret_keys: Sequence[str], *, purpose: str) -> str | None:
    """Return the secret encrypted with the newest key, the first one; None if it is, or if no key decrypts it."""
    newest, *older = secret_keys
    if decrypt_secret(encrypted, [newest], purpose=purpose) is not None:
        return None
    secret = decrypt_secret(encrypted, older, purpose=purpose)
    return None if secret is None else encrypt_secret(secret, newest, purpose=purpose)

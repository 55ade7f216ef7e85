"""Two-factor authentication: time-based codes (TOTP, RFC 6238) and recovery codes. No database access."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Sequence
from functools import lru_cache

import pyotp
import segno
from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from portal.accounts.tokens import hash_secret
from portal.ids import new_readable_secret

STEP_SECONDS = 30
RECOVERY_CODES = 10
RECOVERY_CODE_GROUPS = 6  # 118 bits: from 112 on, a fast hash is enough (OWASP ASVS 5.0, 6.5.2)
ISSUER_NAME = "Batch Portal"


@lru_cache(maxsize=8)
def make_cipher(secret_key: str) -> Fernet:
    """Return the cipher for stored secrets, so that a backup alone is not enough to generate codes."""
    key = HKDF(SHA256(), length=32, salt=None, info=b"batch portal: second factor").derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def new_totp_secret() -> str:
    """Return 160 random bits in base32, the format of authenticator apps."""
    return pyotp.random_base32()


def encrypt_secret(secret: str, secret_key: str) -> str:
    """Return the secret as it is stored."""
    return make_cipher(secret_key).encrypt(secret.encode()).decode()


def decrypt_secret(encrypted: str, secret_keys: Sequence[str]) -> str | None:
    """Return the secret, or None if it was encrypted with a SECRET_KEY that is not among these."""
    for secret_key in secret_keys:
        try:
            return make_cipher(secret_key).decrypt(encrypted.encode()).decode()
        except InvalidToken:
            continue
    return None


def otpauth_uri(secret: str, email: str) -> str:
    """Return the otpauth: URI that an authenticator app reads from the QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER_NAME)


def qr_code_svg(text: str) -> str:
    """Return a QR code as an SVG element that the content security policy allows."""
    return segno.make(text, error="m").svg_inline(omitsize=True, svgclass="qr", lineclass=None)


def matching_step(secret: str, code: str, last_step: int | None, now: int) -> int | None:
    """Return the time step of a code, at most one step from now, or None.

    Steps up to `last_step` do not match, so that each code works once.
    """
    current = now // 1000 // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    typed = normalize_code(code)
    steps = [step for step in (current - 1, current, current + 1) if codes_match(totp.at(step * STEP_SECONDS), typed)]
    return next((step for step in steps if last_step is None or step > last_step), None)


def codes_match(expected: str, typed: str) -> bool:
    """Compare two codes in constant time."""
    return secrets.compare_digest(expected.encode(), typed.encode())


def new_recovery_codes() -> list[str]:
    """Return RECOVERY_CODES new codes that are easy to read aloud."""
    return [new_readable_secret(RECOVERY_CODE_GROUPS) for _ in range(RECOVERY_CODES)]


def hash_recovery_code(code: str) -> str:
    """Return the SHA-256 hash in hex. A fast hash is enough for a random code of this length."""
    return hash_secret(normalize_code(code))


def normalize_code(code: str) -> str:
    """Return the letters and digits of a code, in lower case."""
    return "".join(letter for letter in code.lower() if letter.isascii() and letter.isalnum())

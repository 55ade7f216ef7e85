"""Two-factor authentication: time-based codes (TOTP, RFC 6238) and recovery codes. No database access."""

from __future__ import annotations

import secrets
from functools import partial

import pyotp
import segno

from portal import encryption
from portal.accounts.tokens import hash_secret
from portal.ids import new_readable_secret

STEP_SECONDS = 30
RECOVERY_CODES = 10
RECOVERY_CODE_GROUPS = 6  # 118 bits: from 112 on, a fast hash is enough (OWASP ASVS 5.0, 6.5.2)
ISSUER_NAME = "Batch Portal"


# The cipher is one of portal/encryption.py, so that a backup alone is not enough to generate codes.
encrypt_secret = partial(encryption.encrypt_secret, purpose="second factor")
decrypt_secret = partial(encryption.decrypt_secret, purpose="second factor")


def new_totp_secret() -> str:
    """Return 160 random bits in base32, the format of authenticator apps."""
    return pyotp.random_base32()


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

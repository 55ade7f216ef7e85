"""The second factor: codes by the clock (TOTP, RFC 6238, by PyOTP) and recovery codes. Reads and writes no database."""

from __future__ import annotations

import base64
import secrets
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
ISSUER_NAME = "Batch Portal"


@lru_cache(maxsize=4)
def make_cipher(secret_key: str) -> Fernet:
    """What locks the secrets in the database: whoever reads a backup alone cannot make codes of them."""
    key = HKDF(SHA256(), length=32, salt=None, info=b"batch portal: second factor").derive(secret_key.encode())
    return Fernet(base64.urlsafe_b64encode(key))


def new_totp_secret() -> str:
    """160 random bits in base32, as authenticator apps take it."""
    return pyotp.random_base32()


def encrypt_secret(secret: str, secret_key: str) -> str:
    """The secret as it is kept."""
    return make_cipher(secret_key).encrypt(secret.encode()).decode()


def decrypt_secret(locked: str, secret_key: str) -> str | None:
    """The secret that was kept; None where it was locked under another SECRET_KEY."""
    try:
        return make_cipher(secret_key).decrypt(locked.encode()).decode()
    except InvalidToken:
        return None


def otpauth_uri(secret: str, email: str) -> str:
    """The otpauth: address that an authenticator app reads from the picture."""
    return pyotp.TOTP(secret).provisioning_uri(name=email, issuer_name=ISSUER_NAME)


def qr_code_svg(address: str) -> str:
    """The address as a QR code: an SVG element that a page can hold under its policy."""
    return segno.make(address, error="m").svg_inline(omitsize=True, svgclass="qr", lineclass=None)


def matching_step(secret: str, code: str, last_step: int | None, now: int) -> int | None:
    """The step of time whose code this is, now or one step to either side; None when it fits none.

    A step up to `last_step` fits no more: a code that was looked over somebody's shoulder is of no use.
    """
    present = now // 1000 // STEP_SECONDS
    totp = pyotp.TOTP(secret)
    typed = normalize_code(code)
    fits = [step for step in (present - 1, present, present + 1) if codes_match(totp.at(step * STEP_SECONDS), typed)]
    return next((step for step in fits if last_step is None or step > last_step), None)


def codes_match(expected: str, typed: str) -> bool:
    """Whether two codes are the same, in constant time."""
    return secrets.compare_digest(expected.encode(), typed.encode())


def new_recovery_codes() -> list[str]:
    """Ten codes that can be read aloud."""
    return [new_readable_secret() for _ in range(RECOVERY_CODES)]


def hash_recovery_code(code: str) -> str:
    """SHA-256, hex. A plain hash is enough: nobody guesses so many random bits."""
    return hash_secret(normalize_code(code))


def normalize_code(code: str) -> str:
    """A code without what is only for the eye."""
    return "".join(letter for letter in code.lower() if letter.isascii() and letter.isalnum())

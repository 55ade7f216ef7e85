"""Turn two-factor authentication on and off, and use its codes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import current_app
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session as Transaction

from portal.accounts import query
from portal.accounts.query import Credentials
from portal.accounts.second_factor import (
    decrypt_secret,
    encrypt_secret,
    hash_recovery_code,
    matching_step,
    new_recovery_codes,
)
from portal.audit.account_log import log_account_event
from portal.db.transactions import write_transaction
from portal.models import AccountEvent, RecoveryCode, User
from portal.models.actor import Actor
from portal.times import now_ms


class WrongCode(Exception):
    """An invalid or used code."""


@dataclass(frozen=True)
class SecondFactorProof:
    """What a signed-in user proved: the credentials that were checked, and a code that is still to be checked."""

    checked: Credentials
    code: str
    secret_keys: Sequence[str]


def turn_on_second_factor(
    user_key: int, secret: str, code: str, secret_key: str, by: Actor | None = None, checked: Credentials | None = None
) -> list[str] | None:
    """Turn on two-factor authentication and return the recovery codes; None if `code` does not match `secret`.

    Raises CredentialsChanged if the account is no longer as `checked`.
    """
    codes = new_recovery_codes()
    with write_transaction() as session:
        user = query.lock_user(user_key, checked, by)
        step = matching_step(secret, code, None, now_ms())
        if step is None:
            return None
        user.totp_secret = encrypt_secret(secret, secret_key)
        user.totp_step = step
        store_recovery_codes(session, user_key, codes)
        log_account_event(session, AccountEvent.SECOND_FACTOR_ON, subject_key=user_key, by=by)
    return codes


def turn_off_second_factor(user_key: int, by: Actor | None = None, proof: SecondFactorProof | None = None) -> None:
    """Turn off two-factor authentication and delete the recovery codes. Idempotent. Raises as `check_proof` does."""
    with write_transaction() as session:
        user = check_proof(user_key, proof, by)
        if user.totp_secret is not None:
            user.totp_secret = user.totp_step = None
            session.execute(delete(RecoveryCode).where(RecoveryCode.user_key == user_key))
            log_account_event(session, AccountEvent.SECOND_FACTOR_OFF, subject_key=user_key, by=by)


def renew_recovery_codes(user_key: int, by: Actor | None, proof: SecondFactorProof) -> list[str]:
    """Replace the recovery codes, and return the new ones. Raises as `check_proof` does."""
    codes = new_recovery_codes()
    with write_transaction() as session:
        check_proof(user_key, proof, by)
        store_recovery_codes(session, user_key, codes)
        log_account_event(session, AccountEvent.RECOVERY_CODES_CREATED, subject_key=user_key, by=by)
    return codes


def reencrypt_secrets() -> None:
    """Encrypt the secrets that an older SECRET_KEY has encrypted with the present one, so that the older can go."""
    newest, *older = current_app.config["DECRYPTION_KEYS"]
    if not older:
        return
    for user_key in query.list_users_with_second_factor():
        with write_transaction():
            user = query.lock_user(user_key)
            stored = user.totp_secret or ""
            if decrypt_secret(stored, [newest]) is None and (secret := decrypt_secret(stored, older)):
                user.totp_secret = encrypt_secret(secret, newest)


def store_recovery_codes(session: Transaction, user_key: int, codes: list[str]) -> None:
    """Replace the stored recovery codes in the caller's transaction."""
    session.execute(delete(RecoveryCode).where(RecoveryCode.user_key == user_key))
    rows = [{"user_key": user_key, "code_hash": hash_recovery_code(code)} for code in codes]
    session.execute(insert(RecoveryCode), rows)


def use_code(user_key: int, code: str, secret_keys: Sequence[str], by: Actor | None = None) -> None:
    """Mark an app code or recovery code as used. Raises WrongCode if it is not valid.

    `secret_keys` are those that may have encrypted the secret (the setting DECRYPTION_KEYS).
    """
    with write_transaction() as session:
        user = query.lock_user(user_key)
        unused = (RecoveryCode.user_key == user_key, RecoveryCode.used_at.is_(None))
        mark_used = update(RecoveryCode).where(*unused, RecoveryCode.code_hash == hash_recovery_code(code))
        if session.execute(mark_used.values(used_at=now_ms())).rowcount:
            log_account_event(session, AccountEvent.RECOVERY_CODE_USED, subject_key=user_key, by=by)
            return
        secret = decrypt_secret(user.totp_secret, secret_keys) if user.totp_secret else None
        step = matching_step(secret, code, user.totp_step, now_ms()) if secret else None
        if step is None:
            raise WrongCode
        user.totp_step = step


def check_proof(user_key: int, proof: SecondFactorProof | None, by: Actor | None) -> User:
    """Return the locked account once the proof is checked; None = an admin or a command, which needs none.

    Raises CredentialsChanged and WrongCode.
    """
    user = query.lock_user(user_key, proof and proof.checked, by)
    if proof:
        use_code(user_key, proof.code, proof.secret_keys, by)
    return user

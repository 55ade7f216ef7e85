"""How often a password or a code may be tried: counted in the database, for all workers and web nodes together."""

from __future__ import annotations

from hashlib import sha256

from flask import current_app
from itsdangerous import BadSignature, URLSafeTimedSerializer

from portal.accounts.tokens import new_secret
from portal.limits import shared_counters as counters
from portal.times import now_ms

# From the first try; so long, at most, nobody can try again.
WINDOW_SECONDS = 15 * 60
DEVICE_COOKIE_DAYS = 180


class TooManyAttempts(Exception):
    """There were too many tries. `seconds`: when the next is taken; `first`: whether it is the first that is not."""

    def __init__(self, seconds: int, *, first: bool) -> None:
        super().__init__(f"too many tries; wait {seconds} seconds")
        self.seconds = seconds
        self.first = first


def count_attempt(kind: str, value: str, setting: str) -> None:
    """Count one try before it is looked at. Raises TooManyTries beyond as many as the setting allows (0 = any)."""
    most = current_app.config[setting]
    if not most:
        return
    now = now_ms()
    count, ends_at = counters.increment(attempt_bucket(kind, value), 1, WINDOW_SECONDS, now)
    if count > most:
        raise TooManyAttempts(max(1, (ends_at - now + 999) // 1000), first=count == most + 1)


def clear_attempts(kind: str, value: str) -> None:
    """It was really them: what went before does not count any more."""
    counters.reset_bucket(attempt_bucket(kind, value))


def refund_attempt(kind: str, value: str, setting: str) -> None:
    """A try that was counted and was right does not count for others at the same address."""
    if current_app.config[setting]:
        counters.increment(attempt_bucket(kind, value), -1, WINDOW_SECONDS, now_ms())


def attempt_bucket(kind: str, value: str) -> str:
    """What is counted, without saying who it is."""
    return f"{kind}:{sha256(value.encode(errors='replace')).hexdigest()}"


# --- browsers that somebody signed in with before --------------------------------------------------------------------
# Their tries are counted by themselves, so that a stranger who tries an account's password from elsewhere until it is
# shut for everybody does not shut out its owner (OWASP: "device cookies").


def device_signer() -> URLSafeTimedSerializer:
    """Signs the cookie of such a browser."""
    return URLSafeTimedSerializer(current_app.secret_key, salt="known browser")


def new_device_cookie(user_id: str) -> str:
    """What a browser keeps after somebody has signed in with it."""
    return device_signer().dumps([user_id, new_secret()])


def device_cookie_name() -> str:
    """The name of the cookie."""
    return "__Host-known" if current_app.config["SESSION_COOKIE_SECURE"] else "known"


def attempt_subject(email_folded: str, user_id: str | None, known: str) -> tuple[str, str]:
    """Kind and value under which a try is counted: this browser of the user, where it is known; else the account."""
    try:
        known_id, mark = device_signer().loads(known, max_age=DEVICE_COOKIE_DAYS * 86_400)
    except (BadSignature, ValueError, TypeError):
        return "account", email_folded
    return ("known", mark) if user_id is not None and known_id == user_id else ("account", email_folded)

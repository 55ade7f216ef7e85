"""Limit attempts at passwords and codes. The counters are in the database, shared by all workers and web nodes."""

from __future__ import annotations

from hashlib import sha256

from flask import current_app, request
from itsdangerous import BadSignature, URLSafeTimedSerializer

from portal.accounts.passwords import password_mark
from portal.accounts.query import SessionUser
from portal.accounts.tokens import new_secret
from portal.limits import shared_counters
from portal.models import User
from portal.times import now_ms
from portal.web.sessions import host_cookie_name

# A window begins with the first attempt, so this is also the longest wait.
WINDOW_SECONDS = 15 * 60
DEVICE_COOKIE_DAYS = 180

Account = User | SessionUser


class TooManyAttempts(Exception):
    """An attempt above the limit; `is_first` marks the first one in the window."""

    def __init__(self, seconds: int, *, is_first: bool) -> None:
        super().__init__(f"too many attempts; try again in {seconds} seconds")
        self.seconds = seconds
        self.is_first = is_first

    @property
    def wait(self) -> str:
        """Return the wait in words, such as "3 minutes"."""
        minutes = -(-self.seconds // 60)
        return f"{minutes} minute{'' if minutes == 1 else 's'}"


def count_attempt(kind: str, value: str, setting: str) -> None:
    """Count an attempt before it is checked. Raises TooManyAttempts above the setting (0 = unlimited)."""
    limit = current_app.config[setting]
    if not limit:
        return
    now = now_ms()
    count, ends_at = shared_counters.increment(attempt_bucket(kind, value), 1, WINDOW_SECONDS, now)
    if count > limit:
        raise TooManyAttempts(max(1, (ends_at - now + 999) // 1000), is_first=count == limit + 1)


def clear_attempts(kind: str, value: str) -> None:
    """Reset the counter after a successful attempt."""
    shared_counters.reset_bucket(attempt_bucket(kind, value))


def refund_attempt(kind: str, value: str, setting: str) -> None:
    """Uncount one successful attempt; failed ones, perhaps of other users of the address, stay counted."""
    if current_app.config[setting]:
        shared_counters.increment(attempt_bucket(kind, value), -1, WINDOW_SECONDS, now_ms())


def attempt_bucket(kind: str, value: str) -> str:
    """Return the name of a counter, with the value hashed."""
    return f"{kind}:{sha256(value.encode(errors='replace')).hexdigest()}"


# --- device cookies ---------------------------------------------------------------------------------------------------
# Attempts from a browser that the user signed in with before have their own counter, so that attempts from elsewhere
# cannot lock the user out (OWASP: "device cookies").


def device_signer() -> URLSafeTimedSerializer:
    """Return the signer of device cookies."""
    return URLSafeTimedSerializer(current_app.config["SIGNING_KEYS"], salt="known browser")


def new_device_cookie(user: Account) -> str:
    """Return the cookie for a browser that the user has signed in with. A new password voids it."""
    return device_signer().dumps([user.id, password_mark(user.password_hash), new_secret()])


def device_cookie_name() -> str:
    """Return the name of the cookie."""
    return host_cookie_name("known")


def attempt_subject(kind: str, value: str, user: Account | None) -> tuple[str, str]:
    """Return kind and value of the counter of an attempt: those given, or the browser's own if the user knows it."""
    cookie = request.cookies.get(device_cookie_name(), "")
    try:
        user_id, mark, device = device_signer().loads(cookie, max_age=DEVICE_COOKIE_DAYS * 86_400)
    except (BadSignature, ValueError, TypeError):
        return kind, value
    is_known = user is not None and (user_id, mark) == (user.id, password_mark(user.password_hash))
    return (f"known {kind}", device) if is_known else (kind, value)

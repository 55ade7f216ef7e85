"""The signed-in user of a request."""

from __future__ import annotations

from dataclasses import replace

from flask import current_app
from flask_login import current_user

from portal.accounts.query import Lifetimes, SessionUser
from portal.models.actor import Actor
from portal.times import now_ms
from portal.web.request_hooks import client_address


def session_lifetimes() -> Lifetimes:
    """Return the configured lifetimes of sessions."""
    return Lifetimes.of(current_app.config)


def decryption_keys() -> tuple[str, ...]:
    """Return the values of SECRET_KEY that may have encrypted a second factor, the present one first."""
    keys: tuple[str, ...] = current_app.config["DECRYPTION_KEYS"]
    return keys


# How long a user need not prove their identity again for a sensitive change.
CONFIRMED_MS = 10 * 60_000


def is_confirmed() -> bool:
    """Return whether the signed-in user has proved their identity recently, by signing in or on the page for it."""
    return bool(now_ms() - current_user.confirmed_at < CONFIRMED_MS)


def find_required_step(user: SessionUser) -> str:
    """Return the endpoint of the page that the user must complete before anything else, or "".

    How users sign in with a provider is up to the provider.
    """
    if user.by_provider:
        return ""
    if user.temporary_until is not None:
        return "accounts.new_password"
    policy = current_app.config["REQUIRE_TWO_FACTOR"]
    return "accounts.second_factor" if requires_second_factor(user, policy) and not user.has_second_factor else ""


def requires_second_factor(user: SessionUser, policy: str) -> bool:
    """Return whether REQUIRE_TWO_FACTOR applies to a user."""
    return policy == "all" or (policy == "admins" and user.is_admin)


def current_actor() -> Actor:
    """Return the signed-in user as the author of a change."""
    return replace(current_user.actor, address=client_address())

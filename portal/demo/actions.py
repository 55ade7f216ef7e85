"""Makes the demo account, or gives it a new way in."""

from __future__ import annotations

from dataclasses import dataclass

from portal.accounts import actions as accounts
from portal.accounts import query
from portal.batches.actions import add_filled_batches
from portal.changes.actor import Actor
from portal.database import writing
from portal.demo.samples import sample_batches
from portal.ids import new_readable
from portal.models import Scope, User, Way
from portal.parameters import BadParameter
from portal.times import now_ms

EMAIL = "demo@example.com"
NAME = "Demo"


@dataclass(frozen=True)
class Demo:
    """How to get in; `is_new` tells whether the account and its batches were made just now."""

    user_id: str
    email: str
    password: str
    token: str
    is_new: bool


def make_demo(*, first_time: bool) -> Demo | None:
    """The demo account with its batches; where it is there already, only a new password and a new token for it.

    With `first_time` nothing is done, and None returned, when anybody has an account. All of it is one transaction.
    Raises BadParameter when the account is disabled.
    """
    password = new_readable()
    with writing():
        if first_time and query.any_user():
            return None
        user = query.find_user_by_email(EMAIL)
        is_new = user is None
        user = make_account(password) if user is None else open_again(user, password)
        _, token = accounts.add_token(user.key, "demo", frozenset(Scope))
        return Demo(user.id, user.email, password, token, is_new)


def make_account(password: str) -> User:
    """The account and its batches. It is an admin, so that a newcomer sees every page."""
    user = accounts.add_user(EMAIL, NAME, "UTC", password, is_admin=True)
    add_filled_batches(Actor(user.key, Way.COMMAND), sample_batches(now_ms()))
    return user


def open_again(user: User, password: str) -> User:
    """The account with a new password. Raises BadParameter when it is disabled."""
    if not user.is_active:
        raise BadParameter({"email": f"email: the account {user.email} is disabled"})
    return accounts.change_password(user.key, password)

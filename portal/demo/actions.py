"""Makes the demo account, or gives it a new way in."""

from __future__ import annotations

from dataclasses import dataclass

from portal.accounts import actions as accounts
from portal.accounts import query
from portal.batches.actions import insert_batch_imports
from portal.db.transactions import write_transaction
from portal.demo.samples import sample_batches
from portal.ids import new_readable_secret
from portal.models import Channel, Scope, User
from portal.models.actor import Actor
from portal.times import now_ms
from portal.web.parameters import InvalidParameter

EMAIL = "demo@example.com"
NAME = "Demo"


@dataclass(frozen=True)
class DemoAccess:
    """How to get in; `is_new` tells whether the account and its batches were made just now."""

    user_id: str
    email: str
    password: str
    token: str
    is_new: bool


def create_demo(*, first_time: bool) -> DemoAccess | None:
    """The demo account with its batches; where it is there already, only a new password and a new token for it.

    With `first_time` nothing is done, and None returned, when anybody has an account. All of it is one transaction.
    Raises BadParameter when the account is disabled.
    """
    password = new_readable_secret()
    with write_transaction():
        if first_time and query.has_any_user():
            return None
        user = query.find_user_by_email(EMAIL)
        is_new = user is None
        user = create_demo_account(password) if user is None else reset_demo_access(user, password)
        _, token = accounts.add_token(user.key, "demo", frozenset(Scope))
        return DemoAccess(user.id, user.email, password, token, is_new)


def create_demo_account(password: str) -> User:
    """The account and its batches. It is an admin, so that a newcomer sees every page."""
    user = accounts.add_user(EMAIL, NAME, "UTC", password, is_admin=True)
    insert_batch_imports(Actor(user.key, Channel.COMMAND), sample_batches(now_ms()))
    return user


def reset_demo_access(user: User, password: str) -> User:
    """The account with a new password. Raises BadParameter when it is disabled."""
    if not user.is_active:
        raise InvalidParameter({"email": f"email: the account {user.email} is disabled"})
    return accounts.change_password(user.key, password)

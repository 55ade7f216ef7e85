"""Create the demo account, or reset access to it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.accounts import actions as accounts
from portal.accounts import query
from portal.batches.actions import insert_batches, insert_calls, record_created
from portal.calls import query as calls_query
from portal.db.transactions import chunks, write_transaction
from portal.demo.samples import (
    CALLER_NUMBERS,
    SEED,
    SIMULATOR,
    SIMULATOR_SETTINGS,
    sample_calls,
    sample_plans,
)
from portal.ids import new_readable_secret
from portal.models import Attempt, Channel, Scope, TrunkKind, User
from portal.models.actor import Actor
from portal.times import now_ms
from portal.trunks import actions as trunks
from portal.trunks.parameters import NewCallerNumber, NewTrunk, SimulatorSettings
from portal.web.parameters import InvalidParameter

EMAIL = "demo@example.com"
NAME = "Demo"
TRUNK_NAME = "Simulator"
TOKEN_DAYS = 30


@dataclass(frozen=True)
class DemoAccess:
    """The credentials of the demo account; `is_new` says whether it was just created."""

    user_id: str
    email: str
    password: str
    token: str
    is_new: bool


def create_demo(*, first_time: bool) -> DemoAccess | None:
    """Create the demo account with its batches, or give the existing account a new password and a new token.

    With `first_time`, do nothing and return None if any account exists. Everything happens in one transaction.
    Raises InvalidParameter if the account is disabled.
    """
    password = new_readable_secret()
    with write_transaction():
        if first_time and query.has_any_user():
            return None
        user = query.find_user_by_email(EMAIL)
        is_new = user is None
        user = create_demo_account(password) if user is None else reset_demo_access(user, password)
        _, token = accounts.add_token(user.key, "demo", frozenset(Scope), TOKEN_DAYS)
        return DemoAccess(user.id, user.email, password, token, is_new)


def create_demo_account(password: str) -> User:
    """Create the account and its batches. It is an admin, so that a new user can see every page."""
    user = accounts.add_user(EMAIL, NAME, "UTC", password, is_admin=True)
    by = Actor(user.key, Channel.COMMAND)
    add_simulator(by)
    insert_sample_batches(by)
    return user


def add_simulator(by: Actor) -> None:
    """Add the trunk that calls no one, with its caller numbers."""
    settings = SimulatorSettings(**SIMULATOR_SETTINGS)
    trunk_id = trunks.add_trunk(by, NewTrunk(name=TRUNK_NAME, kind=TrunkKind.SIMULATOR, settings=settings, **SIMULATOR))
    for number, label in CALLER_NUMBERS.items():
        trunks.add_caller_number(by, NewCallerNumber(phoneNumber=number, label=label, trunkId=trunk_id))


def insert_sample_batches(by: Actor) -> None:
    """Insert the sample batches with their calls."""
    rng = random.Random(SEED)  # noqa: S311 (reproducible on purpose)
    plans = sample_plans(rng, now_ms())
    columns = [
        {
            "name": plan.name,
            "status": plan.status,
            "created_at": plan.created_at,
            "updated_at": plan.ended_at,
            "settings": plan.settings,
        }
        for plan in plans
    ]
    with write_transaction() as session:
        rows = insert_batches(session, by.user_key, columns)
        samples = [
            sample for plan, row in zip(plans, rows, strict=True) for sample in sample_calls(rng, plan, row["key"])
        ]
        counter = insert_calls(session, (call for call, _ in samples))
        insert_attempts(session, by.user_key, {call["id"]: attempts for call, attempts in samples if attempts})
        record_created(session, by, rows, counter)


def insert_attempts(session: Session, owner_key: int, attempts: Mapping[str, Sequence[dict[str, Any]]]) -> None:
    """Insert attempts, given by the ids of their calls."""
    calls = calls_query.find_by_id(owner_key, attempts)
    rows = [
        row | {"owner_key": owner_key, "call_key": calls[call_id].key}
        for call_id, call_attempts in attempts.items()
        for row in call_attempts
    ]
    for chunk in chunks(rows):
        session.execute(insert(Attempt.__table__), chunk)


def reset_demo_access(user: User, password: str) -> User:
    """Set a new password for the account. Raises InvalidParameter if it is disabled."""
    if not user.is_active:
        raise InvalidParameter({"email": f"email: the account {user.email} is disabled"})
    return accounts.change_password(user.key, password)

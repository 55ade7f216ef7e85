"""The one place that writes down what was done to accounts, in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import insert
from sqlalchemy.orm import Session

from portal.changes.actor import Actor
from portal.models import AccountEvent, Event, Way
from portal.times import now_ms

NOTHING: Mapping[str, Any] = MappingProxyType({})
LONGEST_ADDRESS = 45  # characters: an IPv6 address that holds an IPv4 one


def record(
    session: Session,
    event: Event,
    *,
    subject_key: int | None,
    by: Actor | None,
    way: Way = Way.PAGE,
    address: str = "",
    details: Mapping[str, Any] = NOTHING,
) -> None:
    """Write down an event of the account `subject_key` (None: there is no such account).

    `by` is who did it and how it came; where nobody is known it is None, and `way` says how it came. `address` is the
    one from which a browser or program came. The details hold no secret and no phone number.
    """
    row = {
        "at": now_ms(),
        "subject_key": subject_key,
        "actor_key": by.user_key if by else None,
        "token_key": by.token_key if by else None,
        "way": by.way if by else way,
        "what": event,
        "address": address[:LONGEST_ADDRESS],
        "details": dict(details),
    }
    session.execute(insert(AccountEvent.__table__), row)

"""Who changes something."""

from __future__ import annotations

from dataclasses import dataclass

from portal.models import Channel


@dataclass(frozen=True)
class Actor:
    """Who changes something, and how; by the API also with which token; from which address, where that is kept.

    A person changes their own batches alone.
    """

    user_key: int
    way: Channel
    token_key: int | None = None
    address: str = ""

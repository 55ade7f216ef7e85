"""The author of a change."""

from __future__ import annotations

from dataclasses import dataclass

from portal.models import Channel


@dataclass(frozen=True)
class Actor:
    """The user who makes a change, the channel, the token (API only) and the IP address (pages only).

    Users change only their own batches.
    """

    user_key: int
    way: Channel
    token_key: int | None = None
    address: str = ""

"""The user behind a change, and the channel of the request."""

from __future__ import annotations

from dataclasses import dataclass

from portal.models import Channel


@dataclass(frozen=True)
class Actor:
    """The user who changes something, the channel, the token if it is the API, and the client's address if logged.

    `session_hash` names the session of a page. Users change only their own batches.
    """

    user_key: int
    channel: Channel
    token_key: int | None = None
    address: str = ""
    session_hash: str = ""

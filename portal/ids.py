"""Ids."""

from __future__ import annotations

import re
import secrets
import time

HEX_ID = re.compile(r"[0-9a-fA-F]{24}")


def new_id() -> str:
    """A new public id: 24 lower-case hex characters, the first 8 the time in seconds, so that ids tend to ascend."""
    return f"{int(time.time()) & 0xFFFFFFFF:08x}{secrets.token_hex(8)}"


# Letters and digits that nobody takes for one another.
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"


GROUPS, GROUP = 4, 4


def new_readable_secret() -> str:
    """A new secret of some 79 random bits that a person can read aloud and type: k3pq-…, in GROUPS of GROUP letters."""
    return "-".join("".join(secrets.choice(READABLE) for _ in range(GROUP)) for _ in range(GROUPS))


def parse_id(text: str) -> str | None:
    """The id that `text` spells, in lower case; None when it is not 24 hex characters."""
    return text.lower() if HEX_ID.fullmatch(text) else None

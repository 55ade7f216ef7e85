"""Public ids, and secrets that people read and type."""

from __future__ import annotations

import re
import secrets
import time

HEX_ID = re.compile(r"[0-9a-fA-F]{24}")

READABLE_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no two of them look alike
GROUP_COUNT, GROUP_LENGTH = 4, 4


def new_id() -> str:
    """Return a new id: 24 lower-case hex characters, the first 8 of them the time in seconds, so ids mostly ascend."""
    return f"{int(time.time()) & 0xFFFFFFFF:08x}{secrets.token_hex(8)}"


def new_readable_secret() -> str:
    """Return a secret of about 79 random bits in groups of characters, such as k3pq-7mwx-…, easy to read and type."""
    groups = ["".join(secrets.choice(READABLE_CHARACTERS) for _ in range(GROUP_LENGTH)) for _ in range(GROUP_COUNT)]
    return "-".join(groups)


def parse_id(text: str) -> str | None:
    """Return an id in lower case, or None if `text` is not 24 hexadecimal characters."""
    return text.lower() if HEX_ID.fullmatch(text) else None

"""Public ids, and secrets that people read and type."""

from __future__ import annotations

import re
import secrets
import time

HEX_ID = re.compile(r"[0-9a-fA-F]{24}")

READABLE_CHARACTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # no two of them look alike
GROUP_LENGTH = 4


def new_id() -> str:
    """Return a new id: 24 lower-case hex characters, the first 8 of them the time in seconds, so ids mostly ascend."""
    return f"{int(time.time()) & 0xFFFFFFFF:08x}{secrets.token_hex(8)}"


def new_readable_secret(groups: int = 4) -> str:
    """Return a secret that is easy to read and type, such as k3pq-7mwx-…, of about 20 random bits in each group."""
    texts = ["".join(secrets.choice(READABLE_CHARACTERS) for _ in range(GROUP_LENGTH)) for _ in range(groups)]
    return "-".join(texts)


def parse_id(text: str) -> str | None:
    """Return an id in lower case, or None if `text` is not 24 hexadecimal characters."""
    return text.lower() if HEX_ID.fullmatch(text) else None

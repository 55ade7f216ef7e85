"""Passwords that the portal makes up: to be told once, and typed once."""

from __future__ import annotations

import secrets

# Letters and digits that nobody takes for one another.
READABLE = "abcdefghjkmnpqrstuvwxyz23456789"
GROUPS, GROUP = 4, 4


def make_password() -> str:
    """A new password of some 79 random bits, in groups that can be read aloud: k3pq-…"""
    return "-".join("".join(secrets.choice(READABLE) for _ in range(GROUP)) for _ in range(GROUPS))

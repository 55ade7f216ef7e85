"""The pages of accounts: one module per task, all in one blueprint."""

from portal.accounts.pages import (
    account,
    confirmation,
    links,
    openid_connect,
    second_factor,
    sessions,
    signing_in,
    tokens,
)
from portal.accounts.pages.blueprint import blueprint

__all__ = [
    "account",
    "blueprint",
    "confirmation",
    "links",
    "openid_connect",
    "second_factor",
    "sessions",
    "signing_in",
    "tokens",
]

"""The pages of accounts: one module per task, all in one blueprint."""

from portal.accounts.pages import account, openid_connect, second_factor, signing_in, tokens
from portal.accounts.pages.blueprint import blueprint

__all__ = ["account", "blueprint", "openid_connect", "second_factor", "signing_in", "tokens"]

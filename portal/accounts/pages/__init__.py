"""The browser's exit for accounts: a module for each thing that people do, all of one blueprint."""

from portal.accounts.pages import account, openid_connect, second_factor, signing_in, tokens
from portal.accounts.pages.blueprint import blueprint

__all__ = ["account", "blueprint", "openid_connect", "second_factor", "signing_in", "tokens"]

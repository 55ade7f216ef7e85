"""The browser's exit for accounts: a module for each thing that people do, all of one blueprint."""

from portal.accounts.pages import account, provider, second_factor, signing_in, tokens
from portal.accounts.pages.blueprint import blueprint

__all__ = ["account", "blueprint", "provider", "second_factor", "signing_in", "tokens"]

"""The JSON API of batches, as the contract defines it."""

from portal.batches.api import exports, lifecycle, listing, settings
from portal.batches.api.blueprint import blueprint

__all__ = ["blueprint", "exports", "lifecycle", "listing", "settings"]

"""The JSON API of batches, as the contract defines it."""

from portal.batches.api import listing, lifecycle, settings, exports  # noqa: I001 (the order of the operations in the documentation)
from portal.batches.api.blueprint import blueprint

__all__ = ["blueprint", "exports", "lifecycle", "listing", "settings"]

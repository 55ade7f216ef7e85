"""The pages of batches. The address holds the whole state of a page."""

from portal.batches.pages import actions, call, detail, exports, listing, settings, trash
from portal.batches.pages.blueprint import blueprint

__all__ = ["actions", "blueprint", "call", "detail", "exports", "listing", "settings", "trash"]

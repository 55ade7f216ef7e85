"""The browser's exit for batches. What is in the address bar is the whole state."""

from portal.batches.pages import actions, detail, exports, listing, trash
from portal.batches.pages.blueprint import blueprint

__all__ = ["actions", "blueprint", "detail", "exports", "listing", "trash"]

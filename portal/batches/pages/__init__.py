"""The browser's exit for batches. What is in the address bar is the whole state."""

from portal.batches.pages import changing, detail, exporting, listing, trash
from portal.batches.pages.blueprint import blueprint

__all__ = ["blueprint", "changing", "detail", "exporting", "listing", "trash"]

"""What a reader of a batch's changes may ask for."""

from __future__ import annotations




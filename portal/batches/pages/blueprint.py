"""Where all pages of batches are registered, and what they share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort
from flask_login import current_user

from portal.batches import query
from portal.ids import parse_id

blueprint = Blueprint("batches", __name__, url_prefix="/batches")


def batch_or_404(batch_id: str) -> Any:
    """The reader's batch of that id. 404 alike for one that never was, is deleted, or is another's."""
    known = parse_id(batch_id)
    batch = query.find_batch(current_user.key, known) if known else None
    return batch if batch is not None else abort(404)

"""The blueprint of all batch pages, and the lookup that they share."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, abort
from flask_login import current_user

from portal.batches import query
from portal.ids import parse_id

blueprint = Blueprint("batches", __name__, url_prefix="/batches")


def batch_or_404(batch_id: str) -> Any:
    """Return the user's live batch with the id. Raises the same 404 for unknown, deleted and other users' batches."""
    public_id = parse_id(batch_id)
    batch = query.find_batch(current_user.key, public_id) if public_id else None
    return batch if batch is not None else abort(404)

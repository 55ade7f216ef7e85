"""The blueprint of the API of batches, and the lookup that its calls share."""

from __future__ import annotations

from flask import Blueprint

from portal.accounts.query import Caller
from portal.batches import query
from portal.live import Deleted
from portal.web.errors import batch_not_found

blueprint = Blueprint("batches_api", __name__, url_prefix="/api/call")


def require_batch(caller: Caller, batch_id: str, deleted: Deleted = Deleted.EXCLUDE) -> None:
    """Raise ApiError 404 unless the caller has the batch; this comes before errors of the parameters."""
    if query.find_row(caller.list_state.owner_key, batch_id, deleted) is None:
        raise batch_not_found()

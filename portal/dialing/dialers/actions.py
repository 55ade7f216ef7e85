"""Store what a dialer process knows: that it runs, and whether it hears the engines of trunks. Start test calls."""

from __future__ import annotations

from typing import Any

from sqlalchemy import delete, insert, or_, update

from portal.batches.actions import change_status, create_batch, lock_batch_list
from portal.db.transactions import write_separately, write_transaction
from portal.dialing.stops import is_stopped
from portal.models import BatchAction, Dialer, Trunk
from portal.models.actor import Actor
from portal.suppressions.query import find_suppressed
from portal.times import DAY_MS, now_ms
from portal.trunks import query as trunks_query
from portal.trunks.actions import ChangeRefused

DIALERS = Dialer.__table__
TEST_NAME = "Test call"


def record_dialer(values: dict[str, Any]) -> None:
    """Store the row of a dialer, and delete rows of dialers that ended a day ago without doing so."""
    with write_transaction() as session:
        row = DIALERS.c.worker == values["worker"]
        if not session.execute(update(DIALERS).where(row).values(values)).rowcount:
            session.execute(delete(DIALERS).where(DIALERS.c.seen_at < values["seen_at"] - DAY_MS))
            session.execute(insert(DIALERS).values(values))


def remove_dialer(worker: str) -> None:
    """Delete the row of a dialer that ends."""
    with write_transaction() as session:
        session.execute(delete(DIALERS).where(DIALERS.c.worker == worker))


def record_hearing(trunk_key: int, heard_at: int) -> None:
    """Store that the engine of a trunk was heard. It may be lost in a power failure."""
    is_news = or_(Trunk.heard_at.is_(None), Trunk.heard_at < heard_at)
    changed = update(Trunk).where(Trunk.key == trunk_key, is_news)
    write_separately(changed.values(heard_at=heard_at, trouble=""))


def record_trouble(trunk_key: int, trouble: str, silent_since: int) -> None:
    """Store why a trunk cannot be used, unless another dialer has heard its engine since."""
    is_silent = or_(Trunk.heard_at.is_(None), Trunk.heard_at < silent_since)
    changed = update(Trunk).where(Trunk.key == trunk_key, is_silent, Trunk.trouble != trouble)
    write_separately(changed.values(trouble=trouble))


def start_test_call(by: Actor, trunk: Trunk, phone_number: str) -> str:
    """Start a batch of one call over a trunk, which the dialer places like any other, and return the batch's id.

    The callee's hours do not apply, because the user chose the number and the moment. Raises ChangeRefused.
    """
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        numbers = trunks_query.list_numbers_of(trunk.key)
        if not numbers:
            raise ChangeRefused("This trunk has no caller number to call from. Add one first")
        if trunk.held:
            raise ChangeRefused("This trunk is held. Release it first")
        if is_stopped(by.user_key):
            raise ChangeRefused("An emergency stop is in force. Resume calls first")
        if find_suppressed(by.user_key, [phone_number], now_ms(), every_list=True):
            raise ChangeRefused("This number is on a do-not-call list")
        settings = {"callingNumbers": [*numbers], "useCalleeZone": False, "enableDNC": True}
        batch = create_batch(by, TEST_NAME, settings, [(phone_number, {})])
        change_status(by, batch.id, BatchAction.START)
        return batch.id

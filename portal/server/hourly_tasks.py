"""Tasks that one process of all runs once an hour, independently of requests (portal/server/worker.py starts them)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from portal.accounts import actions as accounts
from portal.db.outages import find_outage
from portal.idempotency import actions as idempotency
from portal.limits import shared_counters
from portal.times import now_ms
from portal.uploads import actions as uploads

BUCKET = "hourly tasks"
SECONDS = 3590  # less than an hour, so that no process comes a moment too early each time

TASKS: tuple[Callable[[], object], ...] = (
    uploads.delete_old_uploads,
    idempotency.delete_expired_answers,
    accounts.reencrypt_secrets,
)


def run(app: Flask) -> None:
    """Run the tasks unless another process or node has done so in this hour. An outage of the database skips them."""
    with app.app_context():
        try:
            if shared_counters.increment(BUCKET, 1, SECONDS, now_ms())[0] == 1:
                for task in TASKS:
                    task()
        except SQLAlchemyError as error:
            app.logger.warning("hourly tasks skipped: %s", find_outage(error) or type(error).__name__)
        except Exception:
            app.logger.exception("unexpected failure of the hourly tasks")

"""Rows for tests, with a default for every column. The returned rows are detached, so tests can read them freely."""

from __future__ import annotations

from itertools import count
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.accounts import actions, query
from portal.batches.actions import reserve_keys
from portal.db.transactions import write_transaction
from portal.extensions import db
from portal.ids import new_id
from portal.models import Attempt, Batch, BatchList, Call, CallerNumber, Channel, Scope, Trunk, User
from portal.models.actor import Actor
from portal.models.base import OWNER_SHIFT
from portal.models.batch import fold_name
from portal.models.call import search_text
from portal.models.list_state import LIST_STATE_COLUMNS, ListState, read_list_state
from portal.models.suppression import OWN_SOURCE
from portal.suppressions.actions import add_numbers
from portal.uploads import actions as uploads
from portal.uploads import parsing
from portal.uploads.stored_reports import check_sheet

PASSWORD = "correct horse battery staple"
MAY_2025 = 1_746_100_800_000  # 2025-05-01T12:00:00.000Z
DAY_OF_MAY = 1_746_057_600_000  # 2025-05-01T00:00:00.000Z
MINUTE = 60_000

numbers = count(1)


def state_of(user: User) -> ListState:
    """Return the current state of the user's list."""
    row = db.session.execute(select(*LIST_STATE_COLUMNS).where(BatchList.owner_key == user.key)).one()
    return read_list_state(user.key, row)


class Builder:
    """Creates rows in the database of one app. Keyword arguments override columns."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def create_user(self, name: str = "owner", **columns: Any) -> User:
        """Create a user; by default with the address name@example.com and the password PASSWORD."""
        with self.app.app_context():
            email = columns.pop("email", f"{name}@example.com")
            user = actions.add_user(email, name, columns.pop("zone", "UTC"), columns.pop("password", PASSWORD))
            return self.save(user, columns)

    def create_token(self, owner: User, *scopes: Scope, **columns: Any) -> str:
        """Create a token of the user and return its text; the default scope is read."""
        with self.app.app_context():
            user = query.find_user_by_email(owner.email)
            token, text = actions.add_token(user.key, "test", frozenset(scopes or {Scope.READ}))
            self.save(token, columns)
            return text

    def create_batch(self, owner: User, name: str | None = None, *, deleted: bool = False, **columns: Any) -> Batch:
        """Create a batch, a minute younger than the previous one."""
        number = next(numbers)
        created_at = columns.setdefault("created_at", MAY_2025 + number * MINUTE)
        name = f"Batch {number}" if name is None else name
        defaults = {
            "id": new_id(),
            "owner_key": owner.key,
            "name": name,
            "name_folded": fold_name(name),
            "status": "pending",
            "total_calls": 0,
            "calls_called": 0,
            "calls_picked": 0,
            "calls_completed": 0,
            "updated_at": created_at,
            "deleted_at": created_at if deleted else None,
            "deleted_by_key": owner.key if deleted else None,
        }
        with self.app.app_context():
            with write_transaction() as session:
                batch = Batch(key=reserve_keys(session, owner.key, 1)[0], **(defaults | columns))
                session.add(batch)
            return self.save(batch, {})

    def create_call(self, batch: Batch, **columns: Any) -> Call:
        """Create a call of the batch. The batch's counts do not change: pass them to create_batch."""
        number = next(numbers)
        columns = {
            "id": new_id(),
            "batch_key": batch.key,
            "phone_number": f"+1{201 + number // 100 % 700}55501{number % 100:02}",
            "status": "pending",
            "created_at": batch.created_at,
            "fields": {},
        } | columns
        columns.setdefault("search_text", search_text(columns["phone_number"], columns["fields"]))
        with self.app.app_context():
            with write_transaction() as session:
                call = Call(**columns)
                session.add(call)
            return self.save(call, {})

    def create_attempt(self, call: Call, **columns: Any) -> Attempt:
        """Create an attempt of a call that has ended, unless `outcome` is None."""
        at = call.created_at
        ended = columns.get("outcome", "completed") is not None
        defaults = {
            "id": new_id(),
            "owner_key": call.batch_key >> OWNER_SHIFT,
            "call_key": call.key,
            "phone_number": call.phone_number,
            "number": 1,
            "worker": "worker",
            "from_number": "+12025550100",
            "state": "ended" if ended else "ringing",
            "outcome": "completed" if ended else None,
            "taken_at": at,
            "placed_at": at,
            "ended_at": at + MINUTE if ended else None,
        }
        return self.add(Attempt(**(defaults | columns)))

    def change_attempt(self, row: Any, **columns: Any) -> Attempt:
        """Change columns of an attempt, given by its row."""
        return self.change(Attempt(**row._asdict()), **columns)

    def create_trunk(self, owner: User, **columns: Any) -> Trunk:
        """Create a simulator."""
        defaults = {"name": "Try it", "kind": "simulator", "lines": 10, "per_second": 1, "ring_seconds": 30}
        return self.add(Trunk(**{"id": new_id(), "owner_key": owner.key, "created_at": MAY_2025} | defaults | columns))

    def create_caller_number(self, owner: User, phone_number: str, **columns: Any) -> CallerNumber:
        """Create a caller number; by default without a trunk."""
        defaults = {"id": new_id(), "owner_key": owner.key, "created_at": MAY_2025}
        return self.add(CallerNumber(phone_number=phone_number, **(defaults | columns)))

    def suppress(self, owner: User, *phone_numbers: str, source: str = OWN_SOURCE) -> None:
        """Add numbers to a do-not-call list."""
        with self.app.app_context():
            add_numbers(Actor(owner.key, Channel.COMMAND), phone_numbers, source)

    def add(self, row: Any) -> Any:
        """Insert a row and return it, detached."""
        with self.app.app_context():
            with write_transaction() as session:
                session.add(row)
            return self.save(row, {})

    def create_upload(self, owner: User, content: bytes, name: str = "contacts.csv", **choices: Any) -> str:
        """Create an upload that is no batch yet; return its id."""
        with self.app.app_context():
            sheet = parsing.open_contact_sheet(content, name, parsing.ReadingOptions(**choices))
            stored = check_sheet(sheet, owner.key, lambda *_: None)
            return uploads.store_upload(owner.key, uploads.UploadedFile(name, content), *stored)

    def change(self, row: Any, **columns: Any) -> Any:
        """Change columns of an existing row."""
        with self.app.app_context():
            return self.save(db.session.merge(row), columns)

    def save(self, row: Any, columns: dict[str, Any]) -> Any:
        """Set the columns and return the row as stored, detached."""
        with write_transaction() as session:
            row = session.merge(row)
            for name, value in columns.items():
                setattr(row, name, value)
        db.session.refresh(row)
        db.session.expunge(row)
        return row

"""Rows for tests, each with a default for everything. What is built comes back detached, to be read freely."""

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
from portal.models import Batch, BatchList, Call, Scope, User
from portal.models.call import search_text
from portal.models.list_state import LIST_STATE_COLUMNS, ListState, read_list_state
from portal.text import fold
from portal.uploads import actions as uploads
from portal.uploads import parsing

PASSWORD = "correct horse battery staple"
MAY_2025 = 1_746_100_800_000  # 2025-05-01T12:00:00.000Z
DAY_OF_MAY = 1_746_057_600_000  # 2025-05-01T00:00:00.000Z
MINUTE = 60_000

numbers = count(1)


def state_of(user: User) -> ListState:
    """The state of the user's list as it stands in the database now."""
    row = db.session.execute(select(*LIST_STATE_COLUMNS).where(BatchList.owner_key == user.key)).one()
    return read_list_state(user.key, row)


class Builder:
    """Builds rows in the database of one app."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def create_user(self, name: str = "owner", **given: Any) -> User:
        """An account, name@example.com unless told otherwise, with the password PASSWORD."""
        with self.app.app_context():
            email = given.pop("email", f"{name}@example.com")
            user = actions.add_user(email, name, given.pop("zone", "UTC"), given.pop("password", PASSWORD))
            return self.finished(user, given)

    def create_token(self, owner: User, *scopes: Scope, **given: Any) -> str:
        """A token of the user, as text; scope read unless told otherwise. `given` overrides columns."""
        with self.app.app_context():
            user = query.find_user_by_email(owner.email)
            token, text = actions.add_token(user.key, "test", frozenset(scopes or {Scope.READ}))
            self.finished(token, given)
            return text

    def create_batch(self, owner: User, name: str | None = None, *, deleted: bool = False, **given: Any) -> Batch:
        """A batch; each is a minute younger than the one before."""
        number = next(numbers)
        created_at = given.setdefault("created_at", MAY_2025 + number * MINUTE)
        name = f"Batch {number}" if name is None else name
        values = {
            "id": new_id(),
            "owner_key": owner.key,
            "name": name,
            "name_folded": fold(name),
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
                batch = Batch(key=reserve_keys(session, owner.key, 1)[0], **(values | given))
                session.add(batch)
            return self.finished(batch, {})

    def create_call(self, batch: Batch, **given: Any) -> Call:
        """A call of the batch. The batch's counts are not touched: give them to create_batch."""
        number = next(numbers)
        values = {
            "id": new_id(),
            "batch_key": batch.key,
            "phone_number": f"+1{201 + number // 100 % 700}55501{number % 100:02}",
            "status": "pending",
            "created_at": batch.created_at,
            "fields": {},
        } | given
        values.setdefault("search_text", search_text(values["phone_number"], values["fields"]))
        with self.app.app_context():
            with write_transaction() as session:
                call = Call(**values)
                session.add(call)
            return self.finished(call, {})

    def create_upload(self, owner: User, content: bytes, name: str = "contacts.csv") -> str:
        """A contact file that waits for a batch to be made of it; returns its id."""
        with self.app.app_context():
            sheet = parsing.open_contact_sheet(content, name, parsing.ReadingOptions(), guess=True)
            report = parsing.report_to_json(parsing.build_sheet_report(sheet, lambda *_: None))
            return uploads.store_upload(owner.key, uploads.UploadedFile(name, content), sheet.choices, report)

    def change(self, row: Any, **given: Any) -> Any:
        """Change columns of a row that was built before."""
        with self.app.app_context():
            return self.finished(db.session.merge(row), given)

    def finished(self, row: Any, given: dict[str, Any]) -> Any:
        """The row with `given` columns set, as it stands in the database, detached."""
        with write_transaction() as session:
            row = session.merge(row)
            for name, value in given.items():
                setattr(row, name, value)
        db.session.refresh(row)
        db.session.expunge(row)
        return row

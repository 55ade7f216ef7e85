"""The one place that changes uploads, and makes batches of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from portal.batches.actions import CreatedBatch, create_batch
from portal.contacts.validation import Contact
from portal.db.transactions import write_transaction
from portal.ids import new_id
from portal.models import Upload
from portal.models.actor import Actor
from portal.times import DAY_MS, now_ms
from portal.uploads.parsing import PROGRESS_INTERVAL
from portal.web.progress import Advance

NAME_LENGTH = 255


@dataclass(frozen=True)
class UploadedFile:
    """A file as it was sent."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """What makes it known again, in hex."""
        return sha256(self.content).hexdigest()


def store_upload(owner_key: int, file: UploadedFile, choices: Mapping[str, str], report: Mapping[str, Any]) -> str:
    """Keep a file until a batch is made of it, and return its id. The owner's files of yesterday and before go."""
    now = now_ms()
    with write_transaction() as session:
        old = (Upload.owner_key == owner_key, Upload.created_at < now - DAY_MS, Upload.batch_key.is_(None))
        session.execute(delete(Upload).where(*old))
        row = upload_row(owner_key, file) | {"content": file.content, "choices": choices, "report": report}
        session.execute(insert(Upload.__table__), row)
    return row["id"]


def upload_row(owner_key: int, file: UploadedFile) -> dict[str, Any]:
    """What is known of a file, as a row to insert."""
    return {
        "id": new_id(),
        "owner_key": owner_key,
        "file_name": file.name[-NAME_LENGTH:],
        "sha256": file.sha256,
        "size": len(file.content),
        "created_at": now_ms(),
        "content": None,
        "choices": {},
        "report": {},
    }


def update_reading(upload_key: int, choices: Mapping[str, str], report: Mapping[str, Any]) -> None:
    """Keep what a file holds when it is read in another way."""
    with write_transaction() as session:
        session.execute(update(Upload).where(Upload.key == upload_key).values(choices=choices, report=report))


def discard_upload(owner_key: int, upload_id: str) -> None:
    """Forget a file that no batch was made of."""
    own = (Upload.owner_key == owner_key, Upload.id == upload_id, Upload.batch_key.is_(None))
    with write_transaction() as session:
        session.execute(delete(Upload).where(*own))


class UploadTaken(Exception):
    """The file was taken, or forgotten, meanwhile: a batch is made of it once."""


def create_batch_from_upload(
    by: Actor, upload_id: str, name: str, settings: Mapping[str, Any], contacts: list[Contact], advance: Advance
) -> CreatedBatch:
    """Make a batch of a file that is kept; its content goes. One transaction. Raises Taken."""

    def mark(session: Session, made: CreatedBatch) -> None:
        kept = (Upload.owner_key == by.user_key, Upload.id == upload_id, Upload.content.is_not(None))
        values = {"content": None, "report": {}, "batch_key": made.key}
        if not session.execute(update(Upload).where(*kept).values(**values)).rowcount:
            raise UploadTaken

    return create_batch(by, name, settings, numbers_and_fields(contacts, advance), mark)


def create_batch_from_file(
    by: Actor, file: UploadedFile, name: str, settings: Mapping[str, Any], contacts: list[Contact]
) -> CreatedBatch:
    """Make a batch of a file as it comes in; what it was is kept, so that it is known again. One transaction."""

    def mark(session: Session, made: CreatedBatch) -> None:
        session.execute(insert(Upload.__table__), upload_row(by.user_key, file) | {"batch_key": made.key})

    return create_batch(by, name, settings, numbers_and_fields(contacts, lambda *_: None), mark)


def numbers_and_fields(contacts: Sequence[Contact], advance: Advance) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the phone number and the fields of each contact, and report the progress of storing them."""
    for number, contact in enumerate(contacts, 1):
        yield contact.number, contact.fields
        if number % PROGRESS_INTERVAL == 0:
            advance("Storing", number, len(contacts))

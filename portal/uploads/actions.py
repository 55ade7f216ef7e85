"""Store and delete uploaded contact files, and create batches from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from flask import current_app
from sqlalchemy import delete, insert, update
from sqlalchemy.orm import Session

from portal.batches.actions import CreatedBatch, create_batch
from portal.contacts.file_report import Contact
from portal.contacts.validation import PROGRESS_INTERVAL
from portal.db.transactions import write_transaction
from portal.ids import new_id
from portal.models import Upload
from portal.models.actor import Actor
from portal.times import DAY_MS, now_ms
from portal.uploads import query
from portal.web.progress import Advance

MAX_FILE_NAME_LENGTH = 255
UPLOAD_LIFETIME_MS = DAY_MS


@dataclass(frozen=True)
class UploadedFile:
    """The name and the content of a file as sent."""

    name: str
    content: bytes

    @property
    def sha256(self) -> str:
        """The checksum, in hex, by which a repeated upload is recognized."""
        return sha256(self.content).hexdigest()


def store_upload(owner_key: int, file: UploadedFile, choices: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    """Store a file until a batch is created from it, and return its id.

    The owner's oldest files are deleted if all together are larger than UPLOAD_QUOTA_BYTES: an abandoned preview must
    not keep its owner from uploading.
    """
    delete_old_uploads()
    quota = max(current_app.config["UPLOAD_QUOTA_BYTES"] - len(file.content), 0)
    with write_transaction() as session:
        excess = query.find_uploads_beyond(owner_key, quota)
        session.execute(delete(Upload).where(Upload.key.in_(excess)))
        row = upload_row(owner_key, file) | {"content": file.content, "choices": choices, "report": report}
        session.execute(insert(Upload.__table__), row)
    return row["id"]


def delete_old_uploads() -> None:
    """Delete all files from which no batch was created within UPLOAD_LIFETIME_MS."""
    old = (Upload.created_at < now_ms() - UPLOAD_LIFETIME_MS, Upload.batch_key.is_(None))
    with write_transaction() as session:
        session.execute(delete(Upload).where(*old))


def upload_row(owner_key: int, file: UploadedFile) -> dict[str, Any]:
    """Return a file as a row to insert, without its content."""
    return {
        "id": new_id(),
        "owner_key": owner_key,
        "file_name": file.name[-MAX_FILE_NAME_LENGTH:],
        "sha256": file.sha256,
        "size": len(file.content),
        "created_at": now_ms(),
        "content": None,
        "choices": {},
        "report": {},
    }


def update_reading(upload_key: int, choices: Mapping[str, Any], report: Mapping[str, Any]) -> None:
    """Store changed reading options with the report under them."""
    with write_transaction() as session:
        session.execute(update(Upload).where(Upload.key == upload_key).values(choices=choices, report=report))


def discard_upload(owner_key: int, upload_id: str) -> None:
    """Delete a file unless a batch was created from it."""
    unused = (Upload.owner_key == owner_key, Upload.id == upload_id, Upload.batch_key.is_(None))
    with write_transaction() as session:
        session.execute(delete(Upload).where(*unused))


class UploadTaken(Exception):
    """Another request has created a batch from the file, or has deleted it."""


def create_batch_from_upload(
    by: Actor, upload_id: str, name: str, settings: Mapping[str, Any], contacts: Sequence[Contact], advance: Advance
) -> CreatedBatch:
    """Create a batch from a stored file and delete the file's content, in one transaction. Raises UploadTaken."""

    def mark_used(session: Session, batch: CreatedBatch) -> None:
        unused = (Upload.owner_key == by.user_key, Upload.id == upload_id, Upload.content.is_not(None))
        values = {"content": None, "report": {}, "batch_key": batch.key}
        if not session.execute(update(Upload).where(*unused).values(**values)).rowcount:
            raise UploadTaken

    return create_batch(by, name, settings, numbers_and_fields(contacts, advance), mark_used)


def create_batch_from_file(
    by: Actor, file: UploadedFile, name: str, settings: Mapping[str, Any], contacts: Sequence[Contact], advance: Advance
) -> CreatedBatch:
    """Create a batch from a file and store the file's checksum, in one transaction."""

    def remember(session: Session, batch: CreatedBatch) -> None:
        session.execute(insert(Upload.__table__), upload_row(by.user_key, file) | {"batch_key": batch.key})

    return create_batch(by, name, settings, numbers_and_fields(contacts, advance), remember)


def numbers_and_fields(contacts: Sequence[Contact], advance: Advance) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Iterate over the phone number and fields of each contact, and report the progress of storing them."""
    for number, contact in enumerate(contacts, 1):
        yield contact.number, contact.fields
        if number % PROGRESS_INTERVAL == 0:
            advance("Storing", number, len(contacts))

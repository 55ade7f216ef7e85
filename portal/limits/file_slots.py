"""Limit how many contact files are read at once: in this process, and for one account.

Reading a file takes seconds of processor time and, for a workbook, a process of its own. Half of the threads stay free
for everybody else. A refused request is not queued, because waiting would occupy a thread as well.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask, current_app

EXTENSION = "file slots"
SLOTS_PER_ACCOUNT = 1
RETRY_SECONDS = 3


class NoFileSlot(Exception):
    """Too many files are being read. `code` is 429 for the account's own files, 503 for those of all accounts."""

    def __init__(self, code: int) -> None:
        super().__init__("Another file of this account is being read" if code == 429 else "Other files are being read")
        self.code = code

    @property
    def page_message(self) -> str:
        """The message of a page."""
        return f"{self}. Wait a few seconds, then try again."


class FileSlots:
    """The slots of one process."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.accounts: list[int] = []  # the account of each slot in use
        self.lock = threading.Lock()

    def acquire(self, account_key: int) -> FileSlot:
        """Return a slot for reading one file. Raises NoFileSlot."""
        with self.lock:
            if self.accounts.count(account_key) >= SLOTS_PER_ACCOUNT:
                raise NoFileSlot(429)
            if len(self.accounts) >= self.size:
                raise NoFileSlot(503)
            self.accounts.append(account_key)
        return FileSlot(self, account_key)

    def release(self, account_key: int) -> None:
        """Free one slot of the account."""
        with self.lock:
            self.accounts.remove(account_key)


class FileSlot:
    """A slot in use, which any thread may release, once."""

    def __init__(self, slots: FileSlots, account_key: int) -> None:
        self.slots: FileSlots | None = slots
        self.account_key = account_key

    def release(self) -> None:
        """Free the slot."""
        slots, self.slots = self.slots, None
        if slots:
            slots.release(self.account_key)


def init_app(app: Flask, threads: int) -> None:
    """Create the slots of this process, half as many as it has threads."""
    app.extensions[EXTENSION] = FileSlots(max(1, threads // 2))


def acquire(account_key: int) -> FileSlot:
    """Return a slot for reading one file of the account. Raises NoFileSlot."""
    slots: FileSlots = current_app.extensions[EXTENSION]
    return slots.acquire(account_key)


@contextmanager
def reserve(account_key: int) -> Iterator[None]:
    """Have a slot for reading one file of the account within the block. Raises NoFileSlot."""
    slot = acquire(account_key)
    try:
        yield
    finally:
        slot.release()

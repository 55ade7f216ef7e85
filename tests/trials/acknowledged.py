"""What programs were told is done, and whether it is: events, calls, moves and uploads, each written down when it is
acknowledged, and looked for in the database afterwards."""

from __future__ import annotations

import random
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from itertools import count
from threading import Lock

from flask import Flask
from sqlalchemy import func, select

from portal.batches.derived import check
from portal.extensions import db
from portal.models import Batch, Call, CallEvent, Scope, User
from tests.support.builders import Builder
from tests.trials.servers import CANNOT_NOW, UNANSWERED, Caller, Callers

MULTIPART = "multipart/form-data; boundary=portal"
ROWS = 50
CALLS = 400
MOVES = {"active": ("pause-calling", "paused"), "paused": ("resume-calling", "active")}


class Ledger:
    """One owner whose programs report, fill, move and upload; `check` says what is not as they were told."""

    def __init__(self, app: Flask, seed: int) -> None:
        self.app = app
        self.choices = random.Random(seed)
        self.build = Builder(app)
        self.owner: User = self.build.create_user("owner")
        self.token = self.build.create_token(self.owner, Scope.READ, Scope.WRITE)
        self.numbers = count()
        self.lock = Lock()
        self.events: list[str] = []  # acknowledged
        self.added: list[str] = []  # numbers
        self.uploads: list[str] = []  # names of batches
        self.tried: set[str] = set()  # names of batches whose upload was begun
        self.status, self.moves = "active", 0
        self.reported = self.batch("Reported", CALLS, "active")
        self.filled = self.batch("Filled", 1, "pending")
        self.steered = self.batch("Steered", 1, "active")
        self.calls = self.calls_of(self.reported)

    def batch(self, name: str, calls: int, status: str) -> Batch:
        """A batch with calls still to be made."""
        batch = self.build.create_batch(self.owner, name, status=status, total_calls=calls)
        for _ in range(calls):
            self.build.create_call(batch, phone_number=self.number())
        return batch

    def number(self) -> str:
        """A number that nobody had before; there are 80,000."""
        with self.lock:
            return number_at(next(self.numbers))

    def calls_of(self, batch: Batch) -> list[str]:
        """The ids of a batch's calls."""
        with self.app.app_context():
            return list(db.session.execute(select(Call.id).where(Call.batch_key == batch.key)).scalars())

    @property
    def acknowledged(self) -> int:
        """How many changes were acknowledged."""
        return len(self.events) + len(self.added) + len(self.uploads) + self.moves

    def start(self, callers: Callers, port: int) -> None:
        """Programs that report, fill, move and upload, each over and over, against one server."""
        for turn in (self.report, self.report, self.fill, self.move, self.upload):
            caller = callers.caller(port, self.token)
            callers.start(lambda caller=caller, turn=turn: turn(caller, callers))

    def report(self, caller: Caller, callers: Callers) -> None:
        """Five events, sent until they are acknowledged."""
        with self.lock:
            ids = [f"event-{next(self.numbers)}" for _ in range(5)]
            chosen = self.choices.sample(self.calls, 5)
        said = {"callStatus": "in-progress", "callDuration": 5, "occurredAt": "2025-05-01T12:01:04.000Z"}
        events = [{"eventId": event, "callId": call} | said for event, call in zip(ids, chosen, strict=True)]
        for _ in range(self.choices.choice((1, 1, 2))):  # dialers, too, send again what was taken
            answer = caller.until_answered("POST", "/api/call/call-events", {"events": events})
        if answer.status != 200:
            callers.failures.append(f"call-events answered {answer.status}")
            return
        told = answer.json["data"]
        if told["applied"] + told["duplicates"] != 5:
            callers.failures.append(f"call-events took {told}")
        self.events += ids

    def fill(self, caller: Caller, callers: Callers) -> None:
        """Three calls, sent until they are acknowledged."""
        numbers = [self.number() for _ in range(3)]
        body = {"batchId": self.filled.id, "call_data": [{"phoneNumber": number} for number in numbers]}
        answer = caller.until_answered("POST", "/api/call/addCallsToBatch", body)
        if answer.status != 200:
            callers.failures.append(f"addCallsToBatch answered {answer.status}")
            return
        self.added += numbers

    def move(self, caller: Caller, callers: Callers) -> None:
        """Pause, or resume: repeated without harm."""
        word, status = MOVES[self.status]
        body = {"batchId": self.steered.id, "userId": self.owner.id}
        answer = caller.until_answered("POST", f"/api/call/{word}", body)
        if answer.status != 200:
            callers.failures.append(f"{word} answered {answer.status}: {answer.text[:200]}")
            return
        self.status, self.moves = status, self.moves + 1

    def upload(self, caller: Caller, callers: Callers) -> None:
        """A contact file, sent once: where there is no answer it is there whole or not at all."""
        name = f"Upload {len(self.tried) + 1}"
        first = len(self.tried) * ROWS
        rows = "\r\n".join(["phoneNumber", *(number_at(first + row) for row in range(ROWS))])
        fields = {"userId": self.owner.id, "batchName": name, "callingNumbers": '["+12025550199"]'}
        self.tried.add(name)
        try:
            answer = caller.ask("POST", "/api/call/upload", form_of(fields, rows), MULTIPART)
        except UNANSWERED:
            return
        if answer.status == 200:
            self.uploads.append(name)
        elif answer.status not in CANNOT_NOW:
            callers.failures.append(f"upload answered {answer.status}: {answer.text[:200]}")

    def check(self) -> list[str]:
        """What is not as it was acknowledged, or stands there twice, or is half there."""
        with self.app.app_context():
            db.session.remove()
            return [*self.check_events(), *self.check_calls(), *self.check_batches(), *integrity()]

    def check_events(self) -> list[str]:
        """Each event that was acknowledged stands there, once."""
        kept = set(db.session.execute(select(CallEvent.event_id)).scalars())
        sent = {"-".join(event.split("-")[:2]) for event in kept}  # a portal that is broken so calls them otherwise
        found = [f"{event} was acknowledged and is lost" for event in self.events if event not in sent]
        return found + ([f"{len(kept) - len(sent)} events were applied twice"] if len(kept) > len(sent) else [])

    def check_calls(self) -> list[str]:
        """Each call that was acknowledged stands in its batch, once."""
        calls = select(Call.phone_number, func.count()).where(Call.batch_key == self.filled.key)
        kept = dict(db.session.execute(calls.group_by(Call.phone_number)).all())
        lost = [f"the call to the {at}th number is lost" for at, number in enumerate(self.added) if number not in kept]
        return lost + [f"a call stands {times} times in its batch" for times in kept.values() if times > 1]

    def check_batches(self) -> list[str]:
        """Each upload is whole, the last move is in force, and what is kept beside the rows agrees with them."""
        sizes = select(Batch.name, func.count(Call.key)).outerjoin(Call, Call.batch_key == Batch.key)
        size = dict(db.session.execute(sizes.group_by(Batch.key, Batch.name)).all())
        status = db.session.execute(select(Batch.status).where(Batch.id == self.steered.id)).scalar_one()
        found = [f"{name} was acknowledged and is lost" for name in self.uploads if name not in size]
        found += [f"{name} has {size[name]} of {ROWS} calls" for name in self.tried if size.get(name, ROWS) != ROWS]
        if status != self.status:
            found.append(f"a batch was moved to {self.status} and is {status}")
        return found + [f"batch check: {difference}" for difference in check.find_all_differences(lambda *_: None)]


def number_at(place: int) -> str:
    """One of 80,000 numbers that belong to nobody."""
    return f"+1{200 + place // 100 % 800}55501{place % 100:02}"


def form_of(fields: Mapping[str, str], rows: str) -> bytes:
    """A form with a contact file in it, as MULTIPART has it."""
    named = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    named.append(f'name="file"; filename="contacts.csv"\r\n\r\n{rows}')
    parts = "".join(f"--portal\r\nContent-Disposition: form-data; {part}\r\n" for part in named)
    return f"{parts}--portal--\r\n".encode()


def integrity() -> list[str]:
    """What SQLite itself finds wrong with its file."""
    if db.engine.dialect.name != "sqlite":
        return []
    with closing(sqlite3.connect(db.engine.url.database)) as file:
        said = file.execute("PRAGMA integrity_check").fetchone()[0]
    return [] if said == "ok" else [f"integrity_check: {said}"]

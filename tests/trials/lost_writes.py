"""A log of the writes that the portal acknowledged to API clients, and a check of the database against it."""

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
from tests.support.http_client import CONNECTION_ERRORS, UNAVAILABLE, ApiClient, Workload

MULTIPART = "multipart/form-data; boundary=portal"
ROWS_PER_UPLOAD = 50
CALLS = 400
STATUS_CHANGES = {"active": ("pause-calling", "paused"), "paused": ("resume-calling", "active")}


class WriteLog:
    """One owner whose clients write, and the writes that were acknowledged. `check` returns the differences."""

    def __init__(self, app: Flask, seed: int) -> None:
        self.app = app
        self.rng = random.Random(seed)
        self.build = Builder(app)
        self.owner: User = self.build.create_user("owner")
        self.token = self.build.create_token(self.owner, Scope.READ, Scope.WRITE)
        self.numbers = count()
        self.lock = Lock()
        self.events: list[str] = []
        self.added: list[str] = []  # phone numbers
        self.uploads: list[str] = []  # names of batches
        self.attempted: set[str] = set()  # names of batches, acknowledged or not
        self.status, self.status_changes = "active", 0
        self.reported = self.create_batch("Reported", CALLS, "active")
        self.filled = self.create_batch("Filled", 1, "pending")
        self.controlled = self.create_batch("Controlled", 1, "active")
        self.calls = self.calls_of(self.reported)

    def create_batch(self, name: str, calls: int, status: str) -> Batch:
        """Create a batch with pending calls."""
        batch = self.build.create_batch(self.owner, name, status=status, total_calls=calls)
        for _ in range(calls):
            self.build.create_call(batch, phone_number=self.next_number())
        return batch

    def next_number(self) -> str:
        """Return a new phone number; there are 80,000."""
        with self.lock:
            return phone_number_at(next(self.numbers))

    def calls_of(self, batch: Batch) -> list[str]:
        """Return the ids of a batch's calls."""
        with self.app.app_context():
            return list(db.session.execute(select(Call.id).where(Call.batch_key == batch.key)).scalars())

    @property
    def acknowledged(self) -> int:
        """The number of acknowledged writes."""
        return len(self.events) + len(self.added) + len(self.uploads) + self.status_changes

    def start(self, workload: Workload, port: int) -> None:
        """Start clients of every kind of write against one server."""
        for task in (self.send_events, self.send_events, self.add_calls, self.change_status, self.upload):
            client = workload.add_client(port, self.token)
            workload.start(lambda client=client, task=task: task(client, workload))

    def send_events(self, client: ApiClient, workload: Workload) -> None:
        """Send five events until they are acknowledged."""
        with self.lock:
            ids = [f"event-{next(self.numbers)}" for _ in range(5)]
            calls = self.rng.sample(self.calls, 5)
        outcome = {"callStatus": "in-progress", "callDuration": 5, "occurredAt": "2025-05-01T12:01:04.000Z"}
        events = [{"eventId": event, "callId": call} | outcome for event, call in zip(ids, calls, strict=True)]
        for _ in range(self.rng.choice((1, 1, 2))):  # dialers also send acknowledged events again
            response = client.send_until_answered("POST", "/api/call/call-events", {"events": events})
        if response.status != 200:
            workload.failures.append(f"call-events answered {response.status}")
            return
        data = response.json["data"]
        if data["applied"] + data["duplicates"] != 5:
            workload.failures.append(f"call-events answered {data}")
        self.events += ids

    def add_calls(self, client: ApiClient, workload: Workload) -> None:
        """Send three calls until they are acknowledged."""
        numbers = [self.next_number() for _ in range(3)]
        body = {"batchId": self.filled.id, "call_data": [{"phoneNumber": number} for number in numbers]}
        response = client.send_until_answered("POST", "/api/call/addCallsToBatch", body)
        if response.status != 200:
            workload.failures.append(f"addCallsToBatch answered {response.status}")
            return
        self.added += numbers

    def change_status(self, client: ApiClient, workload: Workload) -> None:
        """Pause or resume a batch until it is acknowledged; both can be repeated safely."""
        action, status = STATUS_CHANGES[self.status]
        body = {"batchId": self.controlled.id, "userId": self.owner.id}
        response = client.send_until_answered("POST", f"/api/call/{action}", body)
        if response.status != 200:
            workload.failures.append(f"{action} answered {response.status}: {response.text[:200]}")
            return
        self.status, self.status_changes = status, self.status_changes + 1

    def upload(self, client: ApiClient, workload: Workload) -> None:
        """Upload a contact file once. Without a response, the batch must be complete or absent."""
        name = f"Upload {len(self.attempted) + 1}"
        first = len(self.attempted) * ROWS_PER_UPLOAD
        rows = "\r\n".join(["phoneNumber", *(phone_number_at(first + row) for row in range(ROWS_PER_UPLOAD))])
        fields = {"userId": self.owner.id, "batchName": name, "callingNumbers": '["+12025550199"]'}
        self.attempted.add(name)
        try:
            response = client.send("POST", "/api/call/upload", multipart_form(fields, rows), MULTIPART)
        except CONNECTION_ERRORS:
            return
        if response.status == 200:
            self.uploads.append(name)
        elif response.status not in UNAVAILABLE:
            workload.failures.append(f"upload answered {response.status}: {response.text[:200]}")

    def check(self) -> list[str]:
        """Return every acknowledged write that is missing, incomplete or applied twice."""
        with self.app.app_context():
            db.session.remove()
            return [*self.check_events(), *self.check_calls(), *self.check_batches(), *check_sqlite_file()]

    def check_events(self) -> list[str]:
        """Check that each acknowledged event was applied once."""
        stored = set(db.session.execute(select(CallEvent.event_id)).scalars())
        sent = {"-".join(event.split("-")[:2]) for event in stored}  # one defect adds a suffix
        lost = [f"{event} was acknowledged and is lost" for event in self.events if event not in sent]
        return lost + ([f"{len(stored) - len(sent)} events were applied twice"] if len(stored) > len(sent) else [])

    def check_calls(self) -> list[str]:
        """Check that each acknowledged call is in its batch once."""
        calls = select(Call.phone_number, func.count()).where(Call.batch_key == self.filled.key)
        stored = dict(db.session.execute(calls.group_by(Call.phone_number)).all())
        lost = [
            f"the call to number {index} is lost" for index, number in enumerate(self.added) if number not in stored
        ]
        return lost + [f"a call is {times} times in its batch" for times in stored.values() if times > 1]

    def check_batches(self) -> list[str]:
        """Check that each upload is complete, the status is the last one, and derived data agree with the rows."""
        counts = select(Batch.name, func.count(Call.key)).outerjoin(Call, Call.batch_key == Batch.key)
        calls = dict(db.session.execute(counts.group_by(Batch.key, Batch.name)).all())
        status = db.session.execute(select(Batch.status).where(Batch.id == self.controlled.id)).scalar_one()
        failures = [f"{name} was acknowledged and is lost" for name in self.uploads if name not in calls]
        failures += [
            f"{name} has {calls[name]} of {ROWS_PER_UPLOAD} calls"
            for name in self.attempted
            if calls.get(name, ROWS_PER_UPLOAD) != ROWS_PER_UPLOAD
        ]
        if status != self.status:
            failures.append(f"a batch was set to {self.status} and is {status}")
        return failures + [f"batch check: {difference}" for difference in check.find_all_differences(lambda *_: None)]


def phone_number_at(index: int) -> str:
    """Return one of 80,000 fictional phone numbers."""
    return f"+1{200 + index // 100 % 800}55501{index % 100:02}"


def multipart_form(fields: Mapping[str, str], rows: str) -> bytes:
    """Return a form with a contact file, encoded as MULTIPART."""
    parts = [f'name="{name}"\r\n\r\n{value}' for name, value in fields.items()]
    parts.append(f'name="file"; filename="contacts.csv"\r\n\r\n{rows}')
    encoded = "".join(f"--portal\r\nContent-Disposition: form-data; {part}\r\n" for part in parts)
    return f"{encoded}--portal--\r\n".encode()


def check_sqlite_file() -> list[str]:
    """Return the errors that SQLite finds in its file."""
    if db.engine.dialect.name != "sqlite":
        return []
    with closing(sqlite3.connect(db.engine.url.database)) as file:
        result = file.execute("PRAGMA integrity_check").fetchone()[0]
    return [] if result == "ok" else [f"integrity_check: {result}"]

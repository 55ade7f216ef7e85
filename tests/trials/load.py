"""Load: fifty users search, page and poll on a portal with 100,000 batches while another one uploads."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

from flask import Flask
from sqlalchemy import insert

from portal.batches.actions import reserve_keys
from portal.db.transactions import chunks, lift_time_limit, write_transaction
from portal.ids import new_id
from portal.models import Batch, Call, User
from portal.models.call import search_text
from portal.text import fold
from portal.times import UTC, datetime_at, now_ms
from tests.benchmarks.campaign_names import campaign, place
from tests.support.http_client import ApiClient, Workload
from tests.support.servers import resident_bytes
from tests.trials.app import break_server, run_portal
from tests.trials.lost_writes import WriteLog, phone_number_at
from tests.trials.trial import Conditions, Outcome, Trial

USERS = 50
THINK_SECONDS = (1.0, 5.0)  # between two requests of a user
SINGLE_USER_REQUESTS = 60  # at the same pace, before the others start: a machine that idles in between is slower
BACK_TO_BACK_REQUESTS = 200  # of the same user without pauses, for comparison
MAX_P95_TO_P50 = 5
MAX_GROWTH = 0.10
WARM_UP_SHARE = 10  # one part in this many of the whole time
BATCHES, CALLS_EACH = 100_000, 10
SHORT_BATCHES = 300
LARGE_SECONDS = 60  # from this duration on, the trial has all users and batches


@dataclass
class Users:
    """The users' requests. `large` = with pauses to think."""

    write_log: WriteLog
    workload: Workload
    batches: int
    large: bool

    def send(self, client: ApiClient, rng: random.Random, durations: list[float]) -> None:
        """Send one request: open the list, page, search, filter, open a batch, or poll."""
        path = f"/api/call/batches/{self.write_log.owner.id}"
        paths = {
            "list": f"{path}?page=1",
            "page": f"{path}?page={rng.randint(1, max(self.batches // 10, 1))}",
            "search": f"{path}?search={place(rng.randint(0, 999))}",
            "filter": f"{path}?status=active",
            "batch": f"/api/call/batch-details/{self.write_log.reported.id}?page={rng.randint(1, 10)}",
            "poll": path,
        }
        kind = rng.choice(list(paths))
        headers = {"If_None_Match": client.etag} if kind == "poll" and client.etag else {}
        started = time.monotonic()
        response = client.send("GET", paths[kind], **headers)
        durations.append(time.monotonic() - started)
        if response.status not in (200, 304 if headers else 200):
            self.workload.failures.append(f"{kind} answered {response.status}")
        if kind == "poll":
            client.etag = response.headers.get("etag", "")

    def think_and_send(self, client: ApiClient, rng: random.Random, durations: list[float]) -> None:
        """Pause, then send a request."""
        self.workload.stopping.wait(rng.uniform(*THINK_SECONDS) if self.large else 0.05)
        self.send(client, rng, durations)

    def upload_and_wait(self, client: ApiClient) -> None:
        """Upload a contact file, then pause."""
        self.write_log.upload(client, self.workload)
        self.workload.stopping.wait(5 if self.large else 0.2)


def run(conditions: Conditions) -> Outcome:
    """Let the users work for some seconds."""
    rng = random.Random(conditions.seed)
    with conditions.app() as app:
        write_log = WriteLog(app, conditions.seed)
        large = conditions.count >= LARGE_SECONDS
        batches = BATCHES if large else SHORT_BATCHES
        conditions.report_progress(f"creating {batches:,} batches")
        fill(app, write_log.owner, batches, rng)
        workload, durations, memory = Workload(), [], []
        users = Users(write_log, workload, batches, large)
        with run_portal(app.config["SQLALCHEMY_DATABASE_URI"]) as server:
            single_user: list[float] = []
            back_to_back: list[float] = []
            client = workload.add_client(server.port, write_log.token, keep_alive=True)
            for _ in range(BACK_TO_BACK_REQUESTS if large else 20):
                users.send(client, rng, back_to_back)
            for _ in range(SINGLE_USER_REQUESTS if large else 5):
                users.think_and_send(client, rng, single_user)
            for number in range(USERS if large else 5):
                client = workload.add_client(server.port, write_log.token, keep_alive=True)
                own_rng = random.Random(conditions.seed + number)
                workload.start(partial(users.think_and_send, client, own_rng, durations))
            workload.start(partial(users.upload_and_wait, workload.add_client(server.port, write_log.token)))
            end = time.monotonic() + conditions.count
            while time.monotonic() < end and not workload.failures:
                memory.append(sum(resident_bytes(pid) for pid in server.workers()))
                time.sleep(conditions.count / 60)
                conditions.report_progress(f"{len(durations):,} responses, {end - time.monotonic():.0f} s to go")
            workload.stop()
    p50, p95 = statistics.median(single_user), statistics.quantiles(durations, n=20)[-1]
    growth = memory_growth(memory)
    failures = list(workload.failures)
    if large and p95 > MAX_P95_TO_P50 * p50:
        failures.append(f"p95 {p95 * 1000:.1f} ms is over {MAX_P95_TO_P50} x {p50 * 1000:.1f} ms, a single user's p50")
    if large and growth > MAX_GROWTH:
        failures.append(f"the workers grew by {growth:.0%}")
    figures = {
        "responses": f"{len(durations):,}",
        "uploads": len(write_log.uploads),
        "p50 of a single user": f"{p50 * 1000:.1f} ms",
        "without pauses": f"{statistics.median(back_to_back) * 1000:.1f} ms",
        "p50 of all": f"{statistics.median(durations) * 1000:.1f} ms",
        "p95 of all": f"{p95 * 1000:.1f} ms",
        "memory": f"{growth:+.1%}",
    }
    return Outcome(conditions.count, failures, figures)


def memory_growth(memory: list[int]) -> float:
    """Return the growth from the first third to the last, as a share; the warm-up of the workers is left out."""
    warm = memory[len(memory) // WARM_UP_SHARE :]
    third = max(len(warm) // 3, 1)
    return statistics.mean(warm[-third:]) / statistics.mean(warm[:third]) - 1


def fill(app: Flask, owner: User, batches: int, rng: random.Random) -> None:
    """Insert batches of the last two years with their calls."""
    now = now_ms()
    with app.app_context():
        for chunk in chunks(range(batches)):
            with write_transaction() as session:
                lift_time_limit(session.connection())
                keys = reserve_keys(session, owner.key, len(chunk))
                times = [now - (batches - number) * 600_000 for number in chunk]  # ten minutes apart
                rows = [batch_row(owner, key, ms, rng) for key, ms in zip(keys, times, strict=True)]
                session.execute(insert(Batch.__table__), rows)
                for calls in chunks(call for row in rows for call in calls_of(row)):
                    session.execute(insert(Call.__table__), calls)


def batch_row(owner: User, key: int, created_at: int, rng: random.Random) -> dict[str, object]:
    """Return the columns of a completed batch."""
    name = campaign(rng, datetime_at(created_at, UTC), place(key % 1000))
    return {
        "key": key,
        "id": new_id(),
        "owner_key": owner.key,
        "name": name,
        "name_folded": fold(name),
        "status": "completed",
        "total_calls": CALLS_EACH,
        "calls_called": CALLS_EACH,
        "calls_picked": CALLS_EACH,
        "calls_completed": CALLS_EACH,
        "created_at": created_at,
        "updated_at": created_at,
        "settings": {},
    }


def calls_of(batch: dict[str, object]) -> Iterator[dict[str, object]]:
    """Return the columns of a batch's completed calls."""
    for which in range(CALLS_EACH):
        number = phone_number_at(which)
        yield {
            "id": new_id(),
            "batch_key": batch["key"],
            "phone_number": number,
            "status": "completed",
            "duration_seconds": 60,
            "attempts": 1,
            "created_at": batch["created_at"],
            "fields": {},
            "search_text": search_text(number, {}),
        }


TRIAL = Trial(
    name="load",
    title=f"{BATCHES:,} batches, {BATCHES * CALLS_EACH:,} calls, {USERS} users search, page and poll, one uploads",
    passes_when=f"no error; p95 at most {MAX_P95_TO_P50} x a single user's p50; memory grows under {MAX_GROWTH:.0%}",
    unit="seconds",
    full=1800,
    short=1,
    run=run,
    starts_servers=True,
    defects={"one response in twenty is an error": partial(break_server, "fails sometimes")},
)

"""An office at work: fifty people search, page and poll at a portal of 100,000 batches, and one of them uploads."""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable, Iterator
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
from tests.benchmarks.names import campaign, place
from tests.benchmarks.servers import resident_bytes
from tests.trials.acknowledged import Ledger, number_at
from tests.trials.servers import Caller, Callers, broken_server, portal_server, workers_of
from tests.trials.trial import Conditions, Outcome, Trial

PEOPLE = 50
THINKS_SECONDS = (1.0, 5.0)  # between two clicks of one person
ALONE = 60  # clicks of one person at the pace of all, before the others come: a machine that rests between is slower
HURRIED = 200  # requests of the same person without a pause, told beside it
P95_TO_P50 = 5
MOST_GROWTH = 0.10
WARMS_UP = 10  # one part of so many, of the whole time
BATCHES, CALLS_EACH = 100_000, 10
SHORT_BATCHES = 300
LARGE_SECONDS = 60  # who works for so long has the whole office and all of its batches


def run(conditions: Conditions) -> Outcome:
    """Let them work for so many seconds."""
    chance = random.Random(conditions.seed)
    with conditions.app() as app:
        ledger = Ledger(app, conditions.seed)
        large = conditions.count >= LARGE_SECONDS
        batches = BATCHES if large else SHORT_BATCHES
        conditions.tell(f"making {batches:,} batches")
        fill(app, ledger.owner, batches, chance)
        callers, took, memory = Callers(), [], []
        with portal_server(app.config["SQLALCHEMY_DATABASE_URI"]) as server:
            asks = partial(ask, ledger, batches)
            alone: list[float] = []
            hurried: list[float] = []
            person = callers.caller(server.port, ledger.token, keep=True)
            for _ in range(HURRIED if large else 20):
                asks(person, chance, callers, hurried)
            for _ in range(ALONE if large else 5):
                click(asks, person, chance, callers, alone, large)
            for number in range(PEOPLE if large else 5):
                caller = callers.caller(server.port, ledger.token, keep=True)
                own = random.Random(conditions.seed + number)
                callers.start(partial(click, asks, caller, own, callers, took, large))
            uploader = callers.caller(server.port, ledger.token)
            callers.start(partial(upload_now_and_then, ledger, uploader, callers, large))
            until = time.monotonic() + conditions.count
            while time.monotonic() < until and not callers.failures:
                memory.append(sum(resident_bytes(pid) for pid in workers_of(server)))
                time.sleep(conditions.count / 60)
                conditions.tell(f"{len(took):,} answers, {until - time.monotonic():.0f} s to go")
            callers.stop()
    p50, p95, grown = statistics.median(alone), statistics.quantiles(took, n=20)[-1], growth(memory)
    failures = list(callers.failures)
    if large and p95 > P95_TO_P50 * p50:
        failures.append(f"p95 {p95 * 1000:.1f} ms is over {P95_TO_P50} x {p50 * 1000:.1f} ms, the p50 of one alone")
    if large and grown > MOST_GROWTH:
        failures.append(f"the workers grew by {grown:.0%}")
    return Outcome(
        conditions.count,
        failures,
        {
            "answers": f"{len(took):,}",
            "uploads": len(ledger.uploads),
            "p50 of one alone": f"{p50 * 1000:.1f} ms",
            "without a pause": f"{statistics.median(hurried) * 1000:.1f} ms",
            "p50 of all": f"{statistics.median(took) * 1000:.1f} ms",
            "p95 of all": f"{p95 * 1000:.1f} ms",
            "memory": f"{grown:+.1%}",
        },
    )


def growth(memory: list[int]) -> float:
    """How much larger the last third is than the first, as a share; the first minutes, in which the workers warm up,
    are left out."""
    warm = memory[len(memory) // WARMS_UP :]
    third = max(len(warm) // 3, 1)
    return statistics.mean(warm[-third:]) / statistics.mean(warm[:third]) - 1


def fill(app: Flask, owner: User, batches: int, chance: random.Random) -> None:
    """Batches of the last two years, each with its calls."""
    now = now_ms()
    with app.app_context():
        for chunk in chunks(range(batches)):
            with write_transaction() as session:
                lift_time_limit(session.connection())
                keys = reserve_keys(session, owner.key, len(chunk))
                made = [now - (batches - number) * 600_000 for number in chunk]  # ten minutes apart
                rows = [batch_row(owner, key, ms, chance) for key, ms in zip(keys, made, strict=True)]
                session.execute(insert(Batch.__table__), rows)
                for calls in chunks(call for row in rows for call in calls_of(row)):
                    session.execute(insert(Call.__table__), calls)


def batch_row(owner: User, key: int, created_at: int, chance: random.Random) -> dict[str, object]:
    """A batch that was worked through."""
    name = campaign(chance, datetime_at(created_at, UTC), place(key % 1000))
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
    """The calls of a batch, all of them answered."""
    for which in range(CALLS_EACH):
        number = number_at(which)
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


def ask(
    ledger: Ledger, batches: int, caller: Caller, chance: random.Random, callers: Callers, took: list[float]
) -> None:
    """One thing that people do: look at the list, page, search, open a batch; or their program polls."""
    found = f"/api/call/batches/{ledger.owner.id}"
    ways = {
        "look": f"{found}?page=1",
        "page": f"{found}?page={chance.randint(1, max(batches // 10, 1))}",
        "search": f"{found}?search={place(chance.randint(0, 999))}",
        "filter": f"{found}?status=active",
        "open": f"/api/call/batch-details/{ledger.reported.id}?page={chance.randint(1, 10)}",
        "poll": found,
    }
    way = chance.choice(list(ways))
    seen = {"If_None_Match": caller.seen} if way == "poll" and caller.seen else {}
    began = time.monotonic()
    answer = caller.ask("GET", ways[way], **seen)
    took.append(time.monotonic() - began)
    if answer.status not in (200, 304 if seen else 200):
        callers.failures.append(f"{way} was answered {answer.status}")
    if way == "poll":
        caller.seen = answer.headers.get("etag", "")


def click(
    asks: Callable[..., None],
    caller: Caller,
    chance: random.Random,
    callers: Callers,
    took: list[float],
    full: bool,
) -> None:
    """Think, then do something."""
    callers.stopping.wait(chance.uniform(*THINKS_SECONDS) if full else 0.05)
    asks(caller, chance, callers, took)


def upload_now_and_then(ledger: Ledger, caller: Caller, callers: Callers, full: bool) -> None:
    """A contact file every few seconds."""
    ledger.upload(caller, callers)
    callers.stopping.wait(5 if full else 0.2)


TRIAL = Trial(
    name="load",
    title=f"{BATCHES:,} batches, {BATCHES * CALLS_EACH:,} calls, {PEOPLE} searching, paging, polling, one uploading",
    passes_when=f"no error; p95 at most {P95_TO_P50} x the p50 of one alone; memory grows under {MOST_GROWTH:.0%}",
    unit="seconds",
    full=1800,
    short=1,
    run=run,
    serves=True,
    broken={"one answer in twenty is an error": partial(broken_server, "fails some")},
)

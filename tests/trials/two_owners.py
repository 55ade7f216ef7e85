"""Two owners at work side by side: nothing of the one's ever stands in an answer to the other."""

from __future__ import annotations

import io
import random
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from flask import Flask
from sqlalchemy import select

from portal.calls import query as calls_query
from portal.extensions import db
from portal.models import Batch, Call, Token, Upload
from tests.trials.asker import Asker
from tests.trials.callers import without_owner_filter
from tests.trials.client import SPREADSHEET, Answer, Request, Text, as_bytes, encoded
from tests.trials.generator import Generator
from tests.trials.trial import Conditions, Outcome, Trial
from tests.trials.world import Person, World

FRESH_AFTER = 250
GUESSES = ("search", "batchId", "id", "userId", "filter", "page", "next", "back", "status")

# What is only ever looked up, so that another's may be sent there: elsewhere it would be kept as one's own.
LOOKED_UP = ("batch", "deleted", "upload", "token_id", "user")


class Side:
    """One owner: who asks, what is theirs, and what stands in everything of theirs."""

    def __init__(self, world: World, person: Person, rng: random.Random) -> None:
        self.world = world
        self.person = person
        self.rng = rng
        self.asker = Asker(world, person)
        self.other: Side | None = None
        self.freshen()

    def freshen(self) -> None:
        """Sign in again where need be, make something new, and learn everything that is theirs by now."""
        self.asker.renew()
        self.world.add_batch(self.person, 2)
        self.world.add_upload(self.person)
        self.person.numbers = list(dict.fromkeys(self.person.numbers))
        self.marks = everything_of(self.world.app, self.person)
        self.pattern = re.compile("|".join(map(re.escape, sorted(self.marks, key=len, reverse=True))).encode())

    def text(self) -> Text:
        """A text that tells whose it is."""
        return f"{self.person.word} {self.rng.choice(('O’Neill', 'x,y', '<b>', '=1+1', 'é', '%', ''))}"

    def guess(self) -> str:
        """Something of the other's."""
        return self.rng.choice(self.other.known)

    @property
    def known(self) -> list[str]:
        """What of theirs the other might have heard."""
        person = self.person
        return [*person.batches, *person.deleted, *person.uploads, *person.calls, *person.numbers, person.word]

    def __getitem__(self, name: str) -> str:
        another = name in LOOKED_UP and self.rng.random() < 0.4
        person = self.other.person if another else self.person
        return self.rng.choice(
            {
                "batch": person.batches,
                "called": person.numbers,
                "deleted": person.deleted,
                "upload": person.uploads,
                "token_id": person.token_ids,
                "session": [str(person.user.key)],
                "account": [person.user.id],
                "new_email": [f"new-{self.rng.randrange(10**6)}@example.com"],
                "user": [person.user.id],
                "email": [person.user.email],
                "password": [person.password],
                "number": person.numbers,
            }[name]
        )


def everything_of(app: Flask, person: Person) -> set[str]:
    """Every mark of a person, and every id that is theirs in the database."""
    key = person.user.key
    selects = (
        select(Batch.id).where(Batch.owner_key == key),
        select(Call.id).join(Batch, Batch.key == Call.batch_key).where(Batch.owner_key == key),
        select(Upload.id).where(Upload.owner_key == key),
        select(Token.id).where(Token.user_key == key),
    )
    with app.app_context(), db.engine.connect() as connection:
        ids = {found for query in selects for found in connection.execute(query).scalars()}
    return person.marks | ids


def run(conditions: Conditions) -> Outcome:
    """So many requests, by turns as chance has it."""
    rng = random.Random(conditions.seed)
    with conditions.app() as app:
        world = World(app, conditions.watch)
        sides = [Side(world, person, rng) for person in (world.owner, world.stranger)]
        for side, other in zip(sides, reversed(sides), strict=True):
            side.other = other
        generators = [Generator(app, rng, side.text, side) for side in sides]
        failures: list[str] = []
        done = searched = 0
        while done < conditions.most and not conditions.enough(failures):
            if done % FRESH_AFTER == 0:
                conditions.tell(f"{done:,} requests")
                for side in sides:
                    side.freshen()
            which = rng.randrange(2)
            side = sides[which]
            asked = generators[which].next(side.asker.csrf_token)
            request = guessing(asked.request, side) if rng.random() < 0.3 else asked.request
            answer = side.asker.ask(request, asked.row)
            done += 1
            searched += len(answer.body)
            for mark in seen(side.other, request, answer):
                failures.append(f"{side.person.name} asked {request}: {answer.status} holds the other's {mark}")
        return Outcome(done, failures, {"bytes searched": searched})


def guessing(request: Request, side: Side) -> Request:
    """The request with something of the other's in its address, where it is only looked up."""
    pair = encoded([(side.rng.choice(GUESSES), side.guess())])
    if request.method != "GET":
        return request
    return replace(request, query="&".join(filter(None, (request.query, pair))))


def seen(other: Side, request: Request, answer: Answer) -> list[str]:
    """What of the other's stands in an answer without having been sent."""
    content = b"\n".join([unpacked(answer), str(answer.headers).encode()])
    sent = b"\n".join([as_bytes(request.path), as_bytes(request.query), request.body]).replace(b"%40", b"@")
    return sorted({mark.decode() for mark in other.pattern.findall(content) if mark not in sent})


def unpacked(answer: Answer) -> bytes:
    """The body; of a workbook what is packed in it."""
    if answer.kind != SPREADSHEET or not answer.body:
        return answer.body
    with zipfile.ZipFile(io.BytesIO(answer.body)) as parts:
        return b"\n".join(parts.read(name) for name in parts.namelist())


# --- broken portals ---------------------------------------------------------------------------------------------------


@contextmanager
def remembering_the_wrong_answer() -> Iterator[None]:
    """What one was told of a batch's calls is remembered, and told the next."""
    right, kept = calls_query.fetch_page, {}

    def forgetful(owner_key: int, batch_id: str, *more: object) -> object:
        return kept.setdefault("page", right(owner_key, batch_id, *more))

    with patch.object(calls_query, "fetch_page", forgetful):
        yield


TRIAL = Trial(
    name="two-owners",
    title="two owners, noisy: every answer searched for the other's",
    passes_when="0 found",
    unit="requests",
    full=10_000,
    short=400,
    run=run,
    broken={
        "batches are found for anybody": without_owner_filter,
        "one page for everybody": remembering_the_wrong_answer,
    },
)

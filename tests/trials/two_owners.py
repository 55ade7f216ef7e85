"""Two owners use the portal at the same time: no response contains data of the other owner."""

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
from tests.support.wsgi_client import SPREADSHEET, Text, WsgiRequest, WsgiResponse, encode, encode_pairs
from tests.trials.callers import ignore_owner
from tests.trials.fixtures import Account, Fixtures
from tests.trials.request_generator import RequestGenerator
from tests.trials.routes import new_number
from tests.trials.session_client import SessionClient
from tests.trials.trial import Conditions, Outcome, Trial

REFRESH_INTERVAL = 250
GUESSES = ("search", "batchId", "id", "userId", "filter", "page", "next", "back", "status")

# Placeholders of lookups, so that ids of the other owner can be sent there; elsewhere they would be stored.
LOOKUP_PLACEHOLDERS = ("batch", "deleted", "upload", "trunk", "caller_number", "token_id", "user")


class Side:
    """One owner: the client, the data, and the texts that identify them."""

    def __init__(self, fixtures: Fixtures, account: Account, rng: random.Random) -> None:
        self.fixtures = fixtures
        self.account = account
        self.rng = rng
        self.session_client = SessionClient(fixtures, account)
        self.other: Side | None = None
        self.refresh()

    def refresh(self) -> None:
        """Sign in again if necessary, create new data, and collect the texts that identify the owner."""
        self.session_client.restore()
        self.fixtures.add_batch(self.account, 2)
        self.fixtures.add_upload(self.account)
        self.account.numbers = list(dict.fromkeys(self.account.numbers))
        self.marks = collect_marks(self.fixtures.app, self.account)
        self.pattern = re.compile("|".join(map(re.escape, sorted(self.marks, key=len, reverse=True))).encode())

    def text(self) -> Text:
        """Return a text with the owner's word."""
        return f"{self.account.word} {self.rng.choice(('O’Neill', 'x,y', '<b>', '=1+1', 'é', '%', ''))}"

    def guess(self) -> str:
        """Return a text of the other owner."""
        return self.rng.choice(self.other.known)

    @property
    def known(self) -> list[str]:
        """The owner's texts that the other one might know."""
        account = self.account
        return [*account.batches, *account.deleted, *account.uploads, *account.calls, *account.numbers, account.word]

    def __getitem__(self, name: str) -> str:
        another = name in LOOKUP_PLACEHOLDERS and self.rng.random() < 0.4
        account = self.other.account if another else self.account
        return self.rng.choice(
            {
                "batch": account.batches,
                "called": account.numbers,
                "call": account.calls,
                "deleted": account.deleted,
                "upload": account.uploads,
                "trunk": account.trunks,
                "caller_number": account.caller_numbers,
                "suppressed": account.numbers,
                "token_id": account.token_ids,
                "session": [str(account.user.key)],
                "account": [account.user.id],
                "new_number": [new_number()],
                "new_email": [f"new-{self.rng.randrange(10**6)}@example.com"],
                "user": [account.user.id],
                "email": [account.user.email],
                "password": [account.password],
                "number": account.numbers,
            }[name]
        )


def collect_marks(app: Flask, account: Account) -> set[str]:
    """Return every text that identifies an account, and every id of its rows."""
    key = account.user.key
    selects = (
        select(Batch.id).where(Batch.owner_key == key),
        select(Call.id).join(Batch, Batch.key == Call.batch_key).where(Batch.owner_key == key),
        select(Upload.id).where(Upload.owner_key == key),
        select(Token.id).where(Token.user_key == key),
    )
    with app.app_context(), db.engine.connect() as connection:
        ids = {found for query in selects for found in connection.execute(query).scalars()}
    return account.marks | ids


def run(conditions: Conditions) -> Outcome:
    """Send requests of both owners in random order."""
    rng = random.Random(conditions.seed)
    with conditions.app() as app:
        fixtures = Fixtures(app, conditions.monitor)
        sides = [Side(fixtures, account, rng) for account in (fixtures.owner, fixtures.stranger)]
        for side, other in zip(sides, reversed(sides), strict=True):
            side.other = other
        generators = [RequestGenerator(app, rng, side.text, side) for side in sides]
        failures: list[str] = []
        done = searched = 0
        while done < conditions.max_count and not conditions.should_stop(failures):
            if done % REFRESH_INTERVAL == 0:
                conditions.report_progress(f"{done:,} requests")
                for side in sides:
                    side.refresh()
            which = rng.randrange(2)
            side = sides[which]
            generated = generators[which].next(side.session_client.csrf_token)
            request = add_guess(generated.request, side) if rng.random() < 0.3 else generated.request
            response = side.session_client.send(request, generated.row)
            done += 1
            searched += len(response.body)
            for mark in find_leaks(side.other, request, response):
                failures.append(f"{side.account.name} sent {request}: {response.status} holds the other owner's {mark}")
        return Outcome(done, failures, {"bytes searched": searched})


def add_guess(request: WsgiRequest, side: Side) -> WsgiRequest:
    """Add a text of the other owner to the query of a GET request."""
    pair = encode_pairs([(side.rng.choice(GUESSES), side.guess())])
    if request.method != "GET":
        return request
    return replace(request, query="&".join(filter(None, (request.query, pair))))


def find_leaks(other: Side, request: WsgiRequest, response: WsgiResponse) -> list[str]:
    """Return the other owner's texts in a response that the request did not contain."""
    content = b"\n".join([unpack(response), str(response.headers).encode()])
    sent = b"\n".join([encode(request.path), encode(request.query), request.body]).replace(b"%40", b"@")
    return sorted({mark.decode() for mark in other.pattern.findall(content) if mark not in sent})


def unpack(response: WsgiResponse) -> bytes:
    """Return the body; of a workbook, its unpacked parts."""
    if response.kind != SPREADSHEET or not response.body:
        return response.body
    with zipfile.ZipFile(io.BytesIO(response.body)) as parts:
        return b"\n".join(parts.read(name) for name in parts.namelist())


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def cache_first_page() -> Iterator[None]:
    """Return the first page of calls for every request."""
    original, stored = calls_query.fetch_page, {}

    def fetch_first_page(owner_key: int, batch: object, *more: object) -> object:
        return stored.setdefault("page", original(owner_key, batch, *more))

    with patch.object(calls_query, "fetch_page", fetch_first_page):
        yield


TRIAL = Trial(
    name="two-owners",
    title="two concurrent owners: every response searched for the other owner's data",
    passes_when="nothing found",
    unit="requests",
    full=10_000,
    short=400,
    run=run,
    defects={
        "batches are shown to every user": ignore_owner,
        "one page for all users": cache_first_page,
    },
)

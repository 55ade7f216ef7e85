"""People with something to lose: two owners, an admin, one who is shut out; each with what is theirs alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.accounts import actions
from portal.accounts.query import Lifetimes
from portal.accounts.tokens import hash_secret
from portal.extensions import db
from portal.models import Scope, User, UserSession
from portal.times import now_ms
from tests.support.builders import Builder
from tests.trials.client import Client
from tests.trials.watch import Watch

PASSWORDS = {
    "owner": "nine brass keys and a kettle",
    "stranger": "seven tin drums on a shelf",
    "admin": "three oak doors by the sea",
    "disabled": "two clay pots under a fern",
}

# Every person's numbers begin in areas of their own.
AREAS = {"owner": 231, "stranger": 341, "admin": 431, "disabled": 531}

# A word that stands in everything that a person names, and nowhere else.
WORDS = {"owner": "quokkaberry", "stranger": "wombatfern", "admin": "numbatmoss", "disabled": "bilbyreed"}

# So that each has an address of its own.
accounts = count(1)

STATUSES = ("pending", "active", "paused", "stopped", "completed")


@dataclass
class Person:
    """An account, and what belongs to it: public ids, numbers, tokens as texts by what is the matter with them."""

    name: str
    user: User
    tokens: dict[str, str] = field(default_factory=dict)
    token_ids: list[str] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        """What stands in everything that they name."""
        return WORDS[self.name]

    @property
    def password(self) -> str:
        """What they sign in with."""
        return PASSWORDS[self.name]

    @property
    def marks(self) -> set[str]:
        """What nobody else may ever be shown: ids, numbers, words, the address."""
        ids = {*self.batches, *self.deleted, *self.calls, *self.uploads, *self.token_ids, self.user.id}
        return ids | {number.removeprefix("+1") for number in self.numbers} | {self.word, self.user.email}


class World:
    """The people in one app's database."""

    def __init__(self, app: Flask, watch: Watch, batches: int = 6, calls: int = 4) -> None:
        self.app = app
        self.watch = watch
        self.build = Builder(app)
        self.made = 0
        self.people = {name: self.person(name) for name in PASSWORDS}
        for person in (self.owner, self.stranger):
            for number in range(batches):
                self.add_batch(person, calls, status=STATUSES[number % len(STATUSES)])
            self.add_batch(person, calls, deleted=True)
            self.add_upload(person)
        self.build.change(self.people["disabled"].user, disabled_at=now_ms())

    @property
    def owner(self) -> Person:
        """Whose things a trial is about."""
        return self.people["owner"]

    @property
    def stranger(self) -> Person:
        """Another, who has things too."""
        return self.people["stranger"]

    def person(self, name: str) -> Person:
        """An account with a token of each kind."""
        word = WORDS[name]
        given = {"password": PASSWORDS[name], "is_admin": name == "admin"}
        user = self.build.create_user(name, email=f"{word}@example.com", **given)
        self.build.change(user, name=f"{word} {name}")
        person = Person(name, user)
        both = (Scope.READ, Scope.WRITE)
        self.add_token(person, "good", *both)
        self.add_token(person, "read", Scope.READ)
        self.add_token(person, "write", Scope.WRITE)
        self.add_token(person, "expired", *both, expires_at=now_ms() - 1000)
        self.add_token(person, "revoked", *both, revoked_at=now_ms() - 1000)
        self.watch.keep_secret("a password", [person.password])
        self.watch.keep_secret("a password's hash", [user.password_hash])
        return person

    def add_token(self, person: Person, kind: str, *scopes: Scope, **given: Any) -> str:
        """A token of theirs; returns its id."""
        text = self.build.create_token(person.user, *scopes, **given)
        _, token_id, secret = text.split("_", 2)
        person.tokens[kind] = text
        person.token_ids.append(token_id)
        self.watch.keep_secret("a token's secret", [secret])
        return token_id

    def add_batch(self, person: Person, calls: int = 4, *, deleted: bool = False, status: str = "pending") -> str:
        """A batch of theirs with some calls still to be made; returns its id."""
        self.made += 1
        settings = {"callingNumbers": [self.number(person)]}
        name = f"{person.word} batch {self.made}"
        given = {"total_calls": calls, "status": status, "settings": settings}
        batch = self.build.create_batch(person.user, name, deleted=deleted, **given)
        for _ in range(calls):
            number = self.number(person)
            fields = {"name": f"{person.word} contact {self.made}", "city": "Évora"}
            call = self.build.create_call(batch, phone_number=number, fields=fields)
            person.calls.append(call.id)
        (person.deleted if deleted else person.batches).append(batch.id)
        return batch.id

    def add_upload(self, person: Person) -> str:
        """A contact file of theirs that waits; returns its id."""
        self.made += 1
        rows = f"phoneNumber,name\n{self.number(person)},{person.word} row {self.made}\nnonsense,{person.word} wrong\n"
        upload = self.build.create_upload(person.user, rows.encode(), f"{person.word}-{self.made}.csv")
        person.uploads.append(upload)
        return upload

    def add_account(self) -> str:
        """An account of nobody in particular, for admins to do things to; returns its id."""
        return self.build.create_user(f"account-{next(accounts)}").id

    def promote(self, person: Person) -> None:
        """Make an admin of them."""
        person.user = self.build.change(person.user, is_admin=True)

    def add_session(self, person: Person) -> int:
        """A session of theirs in some other browser; returns its key."""
        with self.app.app_context():
            session_id = actions.start_session(person.user.key, Lifetimes.of(self.app.config), None, "password")
            key = select(UserSession.key).where(UserSession.id_hash == hash_secret(session_id))
            return db.session.execute(key).scalar_one()

    def number(self, person: Person) -> str:
        """The next of their numbers; there are 100 in each area, and they come round again."""
        count = len(person.numbers)
        number = f"+1{AREAS[person.name] + count // 100 % 7}55501{count % 100:02}"
        person.numbers.append(number)
        return number

    def client(self, person: Person | None = None) -> Client:
        """A browser; signed in where it is somebody's. Raises AssertionError where signing in does not work."""
        client = Client(self.app, self.watch)
        if person:
            answer = client.sign_in(person.user.email, person.password)
            assert answer.status == 303, f"signing in as {person.name}: {answer.status}"
            for value in client.cookies.values():
                self.watch.keep_secret("a session's cookie", [value])
        return client

"""The accounts of a trial: two owners, an admin and a disabled user, each with data of their own."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import Any

from flask import Flask
from sqlalchemy import select

from portal.accounts import actions, query
from portal.accounts.query import Credentials, Lifetimes
from portal.accounts.tokens import hash_secret
from portal.extensions import db
from portal.models import Scope, User, UserSession
from portal.times import now_ms
from tests.support.builders import Builder
from tests.support.monitor import LeakMonitor
from tests.support.wsgi_client import WsgiClient

PASSWORDS = {
    "owner": "nine brass keys and a kettle",
    "stranger": "seven tin drums on a shelf",
    "admin": "three oak doors by the sea",
    "disabled": "two clay pots under a fern",
}

# The first area code of each account's phone numbers.
AREAS = {"owner": 231, "stranger": 341, "admin": 431, "disabled": 531}

# A word that occurs in every name of an account's data, and nowhere else.
WORDS = {"owner": "quokkaberry", "stranger": "wombatfern", "admin": "numbatmoss", "disabled": "bilbyreed"}

STATUSES = ("pending", "active", "paused", "stopped", "completed")

account_numbers = count(1)


@dataclass
class Account:
    """A user with their data: public ids, phone numbers, and the texts of tokens by their state."""

    name: str
    user: User
    tokens: dict[str, str] = field(default_factory=dict)
    token_ids: list[str] = field(default_factory=list)
    trunks: list[str] = field(default_factory=list)
    caller_numbers: list[str] = field(default_factory=list)
    batches: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    uploads: list[str] = field(default_factory=list)
    numbers: list[str] = field(default_factory=list)

    @property
    def word(self) -> str:
        """The word that occurs in every name of the account's data."""
        return WORDS[self.name]

    @property
    def password(self) -> str:
        """The password."""
        return PASSWORDS[self.name]

    @property
    def marks(self) -> set[str]:
        """The texts that no other account may see: ids, phone numbers, the word, the email address."""
        ids = {
            *self.batches,
            *self.deleted,
            *self.calls,
            *self.uploads,
            *self.token_ids,
            *self.trunks,
            *self.caller_numbers,
            self.user.id,
        }
        return ids | {number.removeprefix("+1") for number in self.numbers} | {self.word, self.user.email}


class Fixtures:
    """The accounts in the database of one app."""

    def __init__(self, app: Flask, monitor: LeakMonitor, batches: int = 6, calls: int = 4) -> None:
        self.app = app
        self.monitor = monitor
        self.build = Builder(app)
        self.created = 0
        self.accounts = {name: self.create_account(name) for name in PASSWORDS}
        for account in (self.owner, self.stranger):
            for number in range(batches):
                self.add_batch(account, calls, status=STATUSES[number % len(STATUSES)])
            self.add_batch(account, calls, deleted=True)
            self.add_upload(account)
            self.add_trunk(account)
            self.add_caller_number(account)
        self.build.change(self.accounts["disabled"].user, disabled_at=now_ms())

    @property
    def owner(self) -> Account:
        """The account that the trial is about."""
        return self.accounts["owner"]

    @property
    def stranger(self) -> Account:
        """Another account with data."""
        return self.accounts["stranger"]

    def create_account(self, name: str) -> Account:
        """Create an account with a token of each state."""
        word = WORDS[name]
        columns = {"password": PASSWORDS[name], "is_admin": name == "admin"}
        user = self.build.create_user(name, email=f"{word}@example.com", **columns)
        self.build.change(user, name=f"{word} {name}")
        account = Account(name, user)
        self.add_token(account, "good", *Scope)
        for scope in Scope:
            self.add_token(account, scope.value, scope)
        self.add_token(account, "expired", *Scope, expires_at=now_ms() - 1000)
        self.add_token(account, "revoked", *Scope, revoked_at=now_ms() - 1000)
        self.monitor.add_secret("a password", [account.password])
        self.monitor.add_secret("a password's hash", [user.password_hash])
        return account

    def add_token(self, account: Account, state: str, *scopes: Scope, **columns: Any) -> str:
        """Create a token; return its id."""
        text = self.build.create_token(account.user, *scopes, **columns)
        _, token_id, secret = text.split("_", 2)
        account.tokens[state] = text
        account.token_ids.append(token_id)
        self.monitor.add_secret("a token's secret", [secret])
        return token_id

    def add_batch(self, account: Account, calls: int = 4, *, deleted: bool = False, status: str = "pending") -> str:
        """Create a batch with pending calls; return its id."""
        self.created += 1
        settings = {"callingNumbers": [self.number(account)]}
        name = f"{account.word} batch {self.created}"
        columns = {"total_calls": calls, "status": status, "settings": settings}
        batch = self.build.create_batch(account.user, name, deleted=deleted, **columns)
        for _ in range(calls):
            number = self.number(account)
            fields = {"name": f"{account.word} contact {self.created}", "city": "Évora"}
            call = self.build.create_call(batch, phone_number=number, fields=fields)
            account.calls.append(call.id)
        (account.deleted if deleted else account.batches).append(batch.id)
        return batch.id

    def add_upload(self, account: Account) -> str:
        """Create an upload that is no batch yet; return its id."""
        self.created += 1
        word = account.word
        rows = f"phoneNumber,name\n{self.number(account)},{word} row {self.created}\nnonsense,{word} wrong\n"
        upload = self.build.create_upload(account.user, rows.encode(), f"{word}-{self.created}.csv")
        account.uploads.append(upload)
        return upload

    def add_trunk(self, account: Account) -> str:
        """Create a trunk; return its id."""
        trunk = self.build.create_trunk(account.user, name=f"{account.word} trunk")
        account.trunks.append(trunk.id)
        return trunk.id

    def add_caller_number(self, account: Account) -> str:
        """Create a caller number; return its id."""
        number = self.build.create_caller_number(account.user, self.number(account), label=f"{account.word} line")
        account.caller_numbers.append(number.id)
        return number.id

    def suppress_number(self, account: Account) -> str:
        """Add a number to the account's own do-not-call list; return it."""
        number = self.number(account)
        self.build.suppress(account.user, number)
        return number

    def add_user(self) -> str:
        """Create a user without data, for the actions of admins; return its id."""
        return self.build.create_user(f"account-{next(account_numbers)}").id

    def promote(self, account: Account) -> None:
        """Make the user an admin."""
        account.user = self.build.change(account.user, is_admin=True)

    def add_session(self, account: Account) -> int:
        """Create a session in another browser; return its key."""
        with self.app.app_context():
            checked = Credentials.of(query.find_user(account.user.key))
            session_id = actions.start_session(checked, Lifetimes.of(self.app.config), None, "password")
            key = select(UserSession.key).where(UserSession.id_hash == hash_secret(session_id))
            return db.session.execute(key).scalar_one()

    def number(self, account: Account) -> str:
        """Return the account's next phone number; after 700 they repeat."""
        count = len(account.numbers)
        number = f"+1{AREAS[account.name] + count // 100 % 7}55501{count % 100:02}"
        account.numbers.append(number)
        return number

    def client(self, account: Account | None = None) -> WsgiClient:
        """Return a client, signed in if there is an account. Raises AssertionError if signing in fails."""
        client = WsgiClient(self.app, self.monitor)
        if account:
            response = client.sign_in(account.user.email, account.password)
            assert response.status == 303, f"signing in as {account.name}: {response.status}"
            for value in client.cookies.values():
                self.monitor.add_secret("a session's cookie", [value])
        return client

"""Somebody who goes on asking: signed in again, and as before, whatever became of their session and account."""

from __future__ import annotations

from tests.trials.client import Answer, Client, Request
from tests.trials.routes import Row
from tests.trials.world import Person, World

# What a request can have changed of its sender's own account.
CHANGEABLE = (
    "email",
    "email_folded",
    "password_hash",
    "name",
    "zone",
    "region",
    "is_admin",
    "totp_secret",
    "disabled_at",
)


class Asker:
    """A person with a session and a token."""

    def __init__(self, world: World, person: Person) -> None:
        self.world = world
        self.person = person
        self.as_it_was = {name: getattr(person.user, name) for name in CHANGEABLE}
        self.enter()

    def enter(self) -> None:
        """Sign in."""
        self.client = self.world.client(self.person)
        self.csrf_token = self.client.csrf_token("/settings/account")

    def renew(self) -> None:
        """The account as it was, and signed in."""

        self.world.build.change(self.person.user, **self.as_it_was)
        if self.client.get("/settings/account").status != 200:
            self.enter()

    def ask(self, request: Request, row: Row) -> Answer:
        """With the token where the API is asked, else with the session; the answer's cookies are not kept."""
        client = Client(self.world.app, self.world.watch)
        if not row.whom.api:
            client.cookies = dict(self.client.cookies)
        elif "Authorization" not in request.headers:
            request = request.with_headers(Authorization=f"Bearer {self.person.tokens['good']}")
        return client.ask(request)

"""A client that can go on after each request: it restores its account and signs in again."""

from __future__ import annotations

from tests.support.wsgi_client import WsgiClient, WsgiRequest, WsgiResponse
from tests.trials.fixtures import Account, Fixtures
from tests.trials.routes import RouteRow

# The columns that a request can change in the account of its sender.
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


class SessionClient:
    """An account's client, with a session and a token."""

    def __init__(self, fixtures: Fixtures, account: Account) -> None:
        self.fixtures = fixtures
        self.account = account
        self.original_values = {name: getattr(account.user, name) for name in CHANGEABLE}
        self.sign_in()

    def sign_in(self) -> None:
        """Sign in."""
        self.client = self.fixtures.client(self.account)
        self.csrf_token = self.client.csrf_token("/settings/account")

    def restore(self) -> None:
        """Restore the account, and sign in again if the session has ended."""
        self.fixtures.build.change(self.account.user, **self.original_values)
        if self.client.get("/settings/account").status != 200:
            self.sign_in()

    def send(self, request: WsgiRequest, row: RouteRow) -> WsgiResponse:
        """Send a request, to the API with the token and else with the session. Cookies of the response are ignored."""
        client = WsgiClient(self.fixtures.app, self.fixtures.monitor)
        if not row.audience.api:
            client.cookies = dict(self.client.cookies)
        elif "Authorization" not in request.headers:
            request = request.with_headers(Authorization=f"Bearer {self.account.tokens['good']}")
        return client.send(request)

"""Fixtures: commands, a provider of OpenID Connect, and the portal that uses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask

from tests.accounts.fake_provider import CLIENT_SECRET, Provider
from tests.conftest import DATABASES, empty


@pytest.fixture(scope="session")
def running_provider() -> Iterator[Provider]:
    """A running provider."""
    running = Provider()
    yield running
    running.server.shutdown()


@pytest.fixture
def provider(running_provider: Provider) -> Provider:
    """The provider, which sends valid claims and metadata."""
    running_provider.reset()
    return running_provider


@pytest.fixture(scope="session")
def provided_apps(make_app: Callable[..., Flask], running_provider: Provider) -> dict[str, Flask]:
    """Apps with the provider configured, one per database."""
    settings = {
        "OIDC_ISSUER": running_provider.issuer,
        "OIDC_CLIENT_ID": "portal",
        "OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "OIDC_NAME": "the office",
        "KNOWN_HOSTS": ("localhost",),
    }
    return {kind: make_app(kind, **settings) for kind in DATABASES}


@pytest.fixture(params=DATABASES)
def provided_app(request: pytest.FixtureRequest, provided_apps: dict[str, Flask], provider: Provider) -> Flask:
    """An empty app with the provider configured."""
    app = provided_apps[request.param]
    empty(app)
    app.extensions["provider"].server_metadata = {}
    return app


@pytest.fixture
def run(app: Flask) -> Callable[..., Any]:
    """Run a command: `run("user", "list", input="…")`."""

    def run(*command: str, input: str | bytes | None = None) -> Any:
        return app.test_cli_runner().invoke(args=command, input=input)

    return run

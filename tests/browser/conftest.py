"""Chromium and the live server. An unexpected error or warning in the browser's console fails the test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from portal.models import Batch, User
from tests.conftest import sign_in
from tests.support.builders import Builder
from tests.support.databases import empty

DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}

# Printed by the browser and by htmx when a response is an error, which some tests expect.
EXPECTED_CONSOLE_MESSAGES = ("Failed to load resource", "Response Status Error Code", "htmx:")

# Pages refresh every 2 s; in tests every 200 ms.
FAST_REFRESH = """
const wait = window.setTimeout;
window.setTimeout = (callback, delay, ...rest) => wait(callback, delay === 2000 ? 200 : delay, ...rest);
"""

CALLS = 60
NUMBERS = [f"+1202555{number:04}" for number in range(100, 200)]

expect.set_options(timeout=30_000)  # for a busy machine


@pytest.fixture(params=["sqlite"])
def app(request: pytest.FixtureRequest, apps: Callable[[str], Flask]) -> Flask:
    """Return the portal on SQLite; a browser sees responses, which other tests compare on both databases.

    test_journey.py and test_live_updates.py run on both.
    """
    app = apps(request.param)
    empty(app)
    return app


@pytest.fixture
def new_page(browser: Browser, live_server: str) -> Iterator[Callable[..., Page]]:
    """Open a page in a new browser context without a session; its addresses are relative to the live server."""
    contexts: list[Any] = []
    console_errors: list[str] = []

    def record_error(text: str) -> None:
        if not text.startswith(EXPECTED_CONSOLE_MESSAGES):
            console_errors.append(text)

    def open_page(**settings: Any) -> Page:
        context = browser.new_context(base_url=live_server, **({"viewport": DESKTOP, "locale": "en-GB"} | settings))
        contexts.append(context)
        context.on(
            "console", lambda message: record_error(message.text) if message.type in ("error", "warning") else None
        )
        context.on("weberror", lambda error: record_error(str(error.error)))
        return context.new_page()

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")  # a request may still be held
        context.close()
    assert console_errors == []


@pytest.fixture
def enter(app: Flask, owner: User, live_server: str) -> Callable[..., Page]:
    """Add a session to a page's browser context, by default the owner's, and open the list.

    test_journey.py tests the sign-in form itself.
    """

    def with_session(page: Page, user: User = owner) -> Page:
        session = sign_in(app, user).get_cookie("session").value
        page.context.add_cookies([{"name": "session", "value": session, "url": live_server}])
        page.goto("/batches")
        return page

    return with_session


@pytest.fixture
def page(new_page: Callable[..., Page], enter: Callable[..., Page], batches: list[Batch]) -> Page:
    """Open the owner's list of batches."""
    return enter(new_page())


@pytest.fixture
def batches(build: Builder, owner: User) -> list[Batch]:
    """Create thirty batches of the owner, oldest first: three rounds of ten towns, two of each round active."""
    towns = ("Lisbon", "Porto", "Braga", "Évora", "Faro", "Coimbra", "Aveiro", "Guarda", "Beja", "Viseu")
    return [
        build.create_batch(
            owner,
            f"{town} round {number}",
            status="active" if town in ("Lisbon", "Porto") else "completed",
            total_calls=100 + number,
            calls_called=80,
            calls_picked=60,
            calls_completed=50,
        )
        for number in (1, 2, 3)
        for town in towns
    ]


def read_names(page: Page) -> list[str]:
    """Return the names in the table, from the top, after the page has loaded: a new address comes before its rows."""
    page.wait_for_load_state()
    return page.locator("#batches tbody .col-name").all_inner_texts()


@pytest.fixture
def running(build: Builder, owner: User) -> Batch:
    """Create an active batch."""
    return build.create_batch(owner, "Spring fair", status="active")


@pytest.fixture
def calls(call_api: Callable[..., Any], running: Batch) -> list[str]:
    """Add three pages of pending calls to the batch and return their ids in order."""
    return add_calls(call_api, running, NUMBERS[:CALLS])


def add_calls(call_api: Callable[..., Any], batch: Batch, numbers: list[str]) -> list[str]:
    """Add calls to the batch and return their ids."""
    data = [{"phoneNumber": number, "city": "Lisbon"} for number in numbers]
    response = call_api("addCallsToBatch", {"batchId": batch.id, "call_data": data})
    assert response.status_code == 200, response.text
    return response.json["data"]["callIds"]


@pytest.fixture
def report(call_api: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that reports a status of calls, as the dialer does."""
    numbers = count(1)

    def send(*call_ids: str, status: str = "completed") -> None:
        events = [
            {
                "eventId": f"event-{next(numbers)}",
                "callId": call_id,
                "callStatus": status,
                "callDuration": 60,
                "occurredAt": "2025-05-02T12:00:00.000Z",
            }
            for call_id in call_ids
        ]
        response = call_api("call-events", {"events": events})
        assert response.json["data"]["applied"] == len(events), response.text

    return send


@pytest.fixture
def running_page(new_page: Callable[..., Page], enter: Callable[..., Page], running: Batch, calls: list[str]) -> Page:
    """Open the batch's page as its owner; `window.loaded` disappears if the page reloads."""
    page = new_page()
    page.add_init_script(FAST_REFRESH)
    enter(page)
    page.goto(f"/batches/{running.id}")
    page.evaluate("window.loaded = 1")
    return page


def record_fetches(page: Page) -> list[str]:
    """Return a list that collects the addresses of the page's automatic requests from now on."""
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url) if request.resource_type == "fetch" else None)
    return requests


def wait_until_requests_are_recorded(page: Page) -> None:
    """Wait until every earlier request of the page is recorded: requests arrive in order, and this one is the last."""
    with page.expect_request("**/healthz"):
        page.evaluate("navigator.sendBeacon('/healthz')")


def completed(page: Page) -> Any:
    """Return the number of completed calls on the batch's page."""
    return page.locator(".counts > div").filter(has_text="Completed").locator("dd").first

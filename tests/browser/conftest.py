"""A real Chromium in front of the live server. What its console complains of fails the test."""

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

DESKTOP = {"width": 1360, "height": 900}
PHONE = {"width": 390, "height": 844}

# The browser and htmx log these for every error response, which some tests cause on purpose.
EXPECTED_MESSAGES = ("Failed to load resource", "Response Status Error Code", "htmx:")

# A page refreshes its figures every two seconds; every fifth of a second saves time in tests.
FAST_REFRESH = """
const wait = window.setTimeout;
window.setTimeout = (does, after, ...rest) => wait(does, after === 2000 ? 200 : after, ...rest);
"""

CALLS = 60
NUMBERS = [f"+1202555{number:04}" for number in range(100, 200)]

expect.set_options(timeout=30_000)  # nothing waits so long but a machine that has much else to do


@pytest.fixture
def new_page(browser: Browser, live_server: str) -> Iterator[Callable[..., Page]]:
    """Open a separate browser without a session; its addresses are relative to the live server."""
    contexts: list[Any] = []
    complaints: list[str] = []

    def complain(text: str) -> None:
        if not text.startswith(EXPECTED_MESSAGES):
            complaints.append(text)

    def open_page(**settings: Any) -> Page:
        context = browser.new_context(base_url=live_server, **({"viewport": DESKTOP, "locale": "en-GB"} | settings))
        contexts.append(context)
        context.on("console", lambda message: complain(message.text) if message.type in ("error", "warning") else None)
        context.on("weberror", lambda error: complain(str(error.error)))
        return context.new_page()

    yield open_page
    for context in contexts:
        for page in context.pages:
            page.unroute_all(behavior="ignoreErrors")  # a request may be held still
        context.close()
    assert complaints == []


@pytest.fixture
def enter(app: Flask, owner: User, live_server: str) -> Callable[..., Page]:
    """Give a browser a user's session, by default the owner's, and open the list.

    The form itself is filled in where the tests are about it (test_journey.py).
    """

    def with_session(page: Page, user: User = owner) -> Page:
        session = sign_in(app, user).get_cookie("session").value
        page.context.add_cookies([{"name": "session", "value": session, "url": live_server}])
        page.goto("/batches")
        return page

    return with_session


@pytest.fixture
def page(new_page: Callable[..., Page], enter: Callable[..., Page], batches: list[Batch]) -> Page:
    """The owner's list of batches in a browser."""
    return enter(new_page())


@pytest.fixture
def batches(build: Builder, owner: User) -> list[Batch]:
    """Thirty batches of the owner, oldest first: three rounds of ten towns, two of each round active."""
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


def names(page: Page) -> list[str]:
    """The names in the table, from the top, once the page is there: a new address comes before its rows."""
    page.wait_for_load_state()
    return page.locator("#batches tbody .col-name").all_inner_texts()


@pytest.fixture
def running(build: Builder, owner: User) -> Batch:
    """An active batch, three pages of calls still to be made."""
    return build.create_batch(owner, "Spring fair", status="active")


@pytest.fixture
def calls(call_api: Callable[..., Any], running: Batch) -> list[str]:
    """The ids of the batch's calls, in its order."""
    return add_calls(call_api, running, NUMBERS[:CALLS])


def add_calls(call_api: Callable[..., Any], batch: Batch, numbers: list[str]) -> list[str]:
    """Give the batch more calls; their ids."""
    data = [{"phoneNumber": number, "city": "Lisbon"} for number in numbers]
    answer = call_api("addCallsToBatch", {"batchId": batch.id, "call_data": data})
    assert answer.status_code == 200, answer.text
    return answer.json["data"]["callIds"]


@pytest.fixture
def report(call_api: Callable[..., Any]) -> Callable[..., None]:
    """Reports what became of calls, as the dialer does."""
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
        answer = call_api("call-events", {"events": events})
        assert answer.json["data"]["applied"] == len(events), answer.text

    return send


@pytest.fixture
def running_page(new_page: Callable[..., Page], enter: Callable[..., Page], running: Batch, calls: list[str]) -> Page:
    """The batch's page in a browser of its owner; it is never reloaded."""
    page = new_page()
    page.add_init_script(FAST_REFRESH)
    enter(page)
    page.goto(f"/batches/{running.id}")
    page.evaluate("window.loaded = 1")
    return page


def asked_of(page: Page) -> list[str]:
    """The addresses that the page asks for by itself, without a person's doing, from now on."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.resource_type == "fetch" else None)
    return asked


def heard_out(page: Page) -> None:
    """Wait until every request that the page has made so far is known here: they come in order, and this one last."""
    with page.expect_request("**/healthz"):
        page.evaluate("navigator.sendBeacon('/healthz')")


def completed(page: Page) -> Any:
    """The figure of completed calls on the batch's page."""
    return page.locator(".counts > div").filter(has_text="Completed").locator("dd").first

"""Automatic refreshes: when a page polls, when it stops, and what it shows if the server does not respond."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import completed, record_fetches, wait_until_requests_are_recorded

STALE = "This page may be out of date"


def is_fetch(event: Any) -> bool:
    """Return whether a request, or the request of a response, is an automatic one."""
    return getattr(event, "request", event).resource_type == "fetch"


def test_polling_stops_when_the_last_call_completes_the_batch(
    running_page: Page, report: Callable[..., None], calls: list[str]
) -> None:
    running_page.clock.install()
    requests = record_fetches(running_page)
    with running_page.expect_request(is_fetch):
        running_page.clock.run_for(2100)
    assert requests
    report(*calls)
    expect(running_page.locator(".page-header .badge")).to_have_text("Completed")
    expect(running_page.get_by_role("button", name="Pause")).to_have_count(0)
    requests.clear()
    running_page.clock.run_for(30_000)
    wait_until_requests_are_recorded(running_page)
    assert requests == []


@pytest.mark.usefixtures("one_minute")
def test_responses_are_304_while_nothing_changes(running_page: Page) -> None:
    statuses: list[int] = []
    running_page.on("response", lambda response: statuses.append(response.status) if is_fetch(response) else None)
    running_page.reload()
    for _ in range(2):
        with running_page.expect_response(lambda response: response.status == 304):
            pass
    assert 200 not in statuses[statuses.index(304) :]


def test_a_hidden_tab_does_not_poll(running_page: Page) -> None:
    running_page.clock.install()
    running_page.reload()
    requests = record_fetches(running_page)
    with running_page.expect_response(is_fetch) as response:
        running_page.clock.run_for(2100)
    response.value.finished()
    hide(running_page, hidden=True)
    requests.clear()
    running_page.clock.run_for(30_000)
    wait_until_requests_are_recorded(running_page)
    assert requests == []
    with running_page.expect_request(is_fetch):
        hide(running_page, hidden=False)
        running_page.clock.run_for(10)


def hide(page: Page, *, hidden: bool) -> None:
    """Simulate that the tab of the page is hidden or visible."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_a_user_whose_session_ended_is_sent_to_sign_in(running_page: Page) -> None:
    running_page.context.clear_cookies()
    expect(running_page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("how", ["refused", "broken"])
def test_a_failing_server_is_reported_until_it_recovers(
    running_page: Page, report: Callable[..., None], calls: list[str], how: str
) -> None:
    def fail(route: Any) -> None:
        route.abort() if how == "refused" else route.fulfill(status=500, body="an error")

    running_page.route(re.compile("/batches/"), fail)
    expect(running_page.locator("#error-banner")).to_contain_text(STALE)
    report(calls[0])
    expect(completed(running_page)).to_have_text("0")
    running_page.unroute(re.compile("/batches/"))
    expect(completed(running_page)).to_have_text("1")
    expect(running_page.locator("#error-banner")).to_be_empty()

"""When a page refreshes its figures, when it does not, and its message when the server does not answer."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import asked_of, completed, heard_out

STALE = "This page may be out of date"


def by_itself(event: Any) -> bool:
    """Whether a request, or an answer's, is one that the page makes by itself."""
    return getattr(event, "request", event).resource_type == "fetch"


def test_the_last_call_completes_it_and_nothing_is_asked_any_more(
    running_page: Page, report: Callable[..., None], calls: list[str]
) -> None:
    running_page.clock.install()
    asked = asked_of(running_page)
    with running_page.expect_request(by_itself):
        running_page.clock.run_for(2100)
    assert asked
    report(*calls)
    expect(running_page.locator(".page-header .badge")).to_have_text("Completed")
    expect(running_page.get_by_role("button", name="Pause")).to_have_count(0)
    asked.clear()
    running_page.clock.run_for(30_000)
    heard_out(running_page)
    assert asked == []


@pytest.mark.usefixtures("one_minute")
def test_while_nothing_changes_the_answers_are_empty(running_page: Page) -> None:
    statuses: list[int] = []
    running_page.on("response", lambda answer: statuses.append(answer.status) if by_itself(answer) else None)
    running_page.reload()
    for _ in range(2):
        with running_page.expect_response(lambda answer: answer.status == 304):
            pass
    assert 200 not in statuses[statuses.index(304) :]


def test_a_hidden_tab_does_not_ask(running_page: Page) -> None:
    running_page.clock.install()
    running_page.reload()
    asked = asked_of(running_page)
    with running_page.expect_response(by_itself) as answer:
        running_page.clock.run_for(2100)
    answer.value.finished()
    hide(running_page, hidden=True)
    asked.clear()
    running_page.clock.run_for(30_000)
    heard_out(running_page)
    assert asked == []
    with running_page.expect_request(by_itself):
        hide(running_page, hidden=False)
        running_page.clock.run_for(10)


def hide(page: Page, *, hidden: bool) -> None:
    """Have the page believe that another tab is in front of it, or that it is in front again."""
    page.evaluate(
        """(hidden) => {
          Object.defineProperty(document, "hidden", {get: () => hidden, configurable: true});
          document.dispatchEvent(new Event("visibilitychange"));
        }""",
        hidden,
    )


def test_who_is_signed_out_meanwhile_is_led_to_sign_in(running_page: Page) -> None:
    running_page.context.clear_cookies()
    expect(running_page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("how", ["refused", "broken"])
def test_a_server_that_fails_is_told_until_it_is_back(
    running_page: Page, report: Callable[..., None], calls: list[str], how: str
) -> None:
    def fail(route: Any) -> None:
        route.abort() if how == "refused" else route.fulfill(status=500, body="a fault")

    running_page.route(re.compile("/batches/"), fail)
    expect(running_page.locator("#error-banner")).to_contain_text(STALE)
    report(calls[0])
    expect(completed(running_page)).to_have_text("0")
    running_page.unroute(re.compile("/batches/"))
    expect(completed(running_page)).to_have_text("1")
    expect(running_page.locator("#error-banner")).to_be_empty()

"""The API documentation in a browser: rendered from local files only, and able to send requests."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from portal.models import Batch, User
from tests.support.builders import Builder

# The browser's part does not depend on the database.


def test_the_document_is_rendered_and_requests_can_be_sent(
    page: Page, live_server: str, build: Builder, owner: User, batches: list[Batch]
) -> None:
    token = build.create_token(owner)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("link", name="API", exact=True).click()
    expect(page.get_by_text("/api/call/batches/{userId}")).to_be_visible()
    expect(page.locator("body")).not_to_contain_text("Failed to load")

    page.get_by_role("button", name="Authorize").click()
    dialog = page.locator(".modal-ux")
    dialog.get_by_label("auth-bearer-value").fill(token)
    dialog.get_by_role("button", name="Apply credentials").first.click()
    dialog.get_by_role("button", name="Close").first.click()
    page.get_by_text("/api/call/batches/{userId}").click()
    page.get_by_role("button", name="Try it out").click()
    page.get_by_placeholder("userId").fill(owner.id)
    page.get_by_role("button", name="Execute").click()
    response = page.locator(".live-responses-table .highlight-code").first
    expect(response).to_contain_text("Batches fetched successfully")
    assert all(url.startswith((live_server, "data:")) for url in requests)
    assert token not in json.dumps(page.evaluate("Object.entries({...localStorage, ...sessionStorage})"))

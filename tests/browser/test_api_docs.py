"""The API's page in a browser: drawn from our own files alone, and able to ask the API."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from portal.models import Batch, User
from tests.support.builders import Builder

# What the browser makes of a page is the same whatever database it came from.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


def test_the_document_is_drawn_and_can_be_tried_out(
    page: Page, live_server: str, build: Builder, owner: User, batches: list[Batch]
) -> None:
    token = build.create_token(owner)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
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
    answer = page.locator(".live-responses-table .highlight-code").first
    expect(answer).to_contain_text("Batches fetched successfully")
    assert all(url.startswith((live_server, "data:")) for url in asked)
    assert token not in json.dumps(page.evaluate("Object.entries({...localStorage, ...sessionStorage})"))

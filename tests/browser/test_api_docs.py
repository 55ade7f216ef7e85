"""The page of the API in a browser sends requests, and neither stores nor shows the token."""

from __future__ import annotations

import json

from playwright.sync_api import Page, expect

from portal.models import Batch, Scope, User
from tests.support.builders import Builder


def test_requests_can_be_sent_from_the_page(
    page: Page, live_server: str, build: Builder, owner: User, batches: list[Batch]
) -> None:
    token = build.create_token(owner, *Scope)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_role("link", name="API", exact=True).click()
    page.get_by_label("Token", exact=True).fill(token)

    lists = page.locator("#listBatches")
    lists.locator("summary").first.click()
    lists.get_by_label("userId").fill(owner.id)
    lists.get_by_label("limit").fill("1")
    lists.get_by_role("button", name="Send").click()
    expect(lists.get_by_role("status")).to_contain_text("Batches fetched successfully")
    expect(lists.get_by_role("status")).to_contain_text(
        f"curl -X GET '{live_server}/api/call/batches/{owner.id}?limit=1'"
    )

    uploads = page.locator("#upload")
    uploads.locator("summary").first.click()
    uploads.get_by_label("userId").fill(owner.id)
    uploads.get_by_label("batchName").fill("From the page")
    uploads.get_by_label("callingNumbers").fill("+12025550100\n+12025550101")
    uploads.get_by_label("callingHour").fill('{"start": "09:00", "end": "17:00"}')
    uploads.get_by_label("allowedDays").fill("1\n2")
    uploads.get_by_label("file").set_input_files(
        {"name": "contacts.csv", "mimeType": "text/csv", "buffer": b"phoneNumber\n+12025550102\n"}
    )
    uploads.get_by_role("button", name="Send").click()
    expect(uploads.get_by_role("status")).to_contain_text('"success": true')

    assert all(url.startswith(live_server) for url in requests)
    assert token not in page.locator("body").inner_text()
    assert token not in json.dumps(page.evaluate("Object.entries({...localStorage, ...sessionStorage})"))

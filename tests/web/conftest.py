"""Fixtures: every page, opened as an admin with batches, calls, tokens and an upload."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from portal.models import User
from tests.support.builders import Builder


@pytest.fixture
def open_page(signed_in: FlaskClient, build: Builder, owner: User, stranger: User) -> Callable[..., TestResponse]:
    """Return a function that opens an address as the owner, an admin with batches, a call and two tokens."""
    build.change(owner, is_admin=True)
    batches = [build.create_batch(owner, f"Round {number}", status="active", total_calls=1) for number in range(6)]
    call = build.create_call(batches[0], fields={"<b>": "<script>alert(1)</script>"}, status="dropped", last_event_at=1)
    build.change(batches[0], calls_called=1, calls_picked=1)
    build.create_batch(owner, "<script>gone</script>", deleted=True)
    upload = build.create_upload(owner, b"phoneNumber,<b>\n+12025550101,<script>alert(1)</script>\nx,<style>\n")
    build.create_token(owner)
    build.create_token(owner, expires_at=1)

    trunk = build.create_trunk(owner, name="<script>trunk</script>", trouble="<b>")
    number = build.create_caller_number(owner, "+12025550100", label="<script>label</script>", trunk_key=trunk.key)
    build.suppress(owner, "+12025550102", source="<script>list</script>")
    ids = {
        "{id}": batches[0].id,
        "{call}": call.id,
        "{upload}": upload,
        "{user}": stranger.id,
        "{trunk}": trunk.id,
        "{number}": number.id,
    }

    def open_page(address: str, client: FlaskClient = signed_in, **options: object) -> TestResponse:
        for name, value in ids.items():
            address = address.replace(name, value)
        return client.get(address, **options)

    return open_page

"""Fixtures: uploads by the API, and the calls that they created."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from portal.models import User
from tests.uploads.sample_uploads import CALLER_ID

API_KEYS = {"_id", "phoneLogs", "createdAt", "attempts", "nextAt", "heldFor"}


@pytest.fixture
def upload(call_api: Callable, owner: User) -> Callable[..., Any]:
    """Return a function that sends a file and form fields to the API; None leaves out the file or a field."""

    def send(content: bytes | None, name: str = "a.csv", *, token: str | None = None, **fields: Any) -> Any:
        form = {"userId": owner.id, "batchName": "A", "callingNumbers": CALLER_ID} | fields
        form["file"] = (io.BytesIO(content), name) if content is not None else None
        data = {field: value for field, value in form.items() if value is not None}
        options = {"token": token} if token else {}
        return call_api("upload", method="POST", data=data, content_type="multipart/form-data", **options)

    return send


@pytest.fixture
def calls_of(call_api: Callable) -> Callable[[Any], list[dict]]:
    """Return a function that returns the phone numbers and the contacts' fields of an upload's batch."""

    def read(answer: Any) -> list[dict]:
        assert answer.status_code == 200, answer.json
        calls = call_api(f"batch-details/{answer.json['batch']['_id']}?limit=100").json["data"]["data"]
        return [{name: value for name, value in call.items() if name not in API_KEYS} for call in calls]

    return read

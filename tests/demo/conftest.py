"""Fixtures: the simulate command, active batches, and what the API shows of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.models import Batch, User
from tests.demo.simulations import CALLS
from tests.support.builders import Builder


@pytest.fixture
def simulate(app: Flask) -> Callable[..., Any]:
    """Return a function that runs the command: `simulate(batch.id, "--rate", "0")`."""
    return lambda *arguments: app.test_cli_runner().invoke(args=["simulate", *arguments])


@pytest.fixture
def create_active(build: Builder, owner: User, call_api: Callable) -> Callable[..., Batch]:
    """Return a function that creates an active batch with that many calls."""

    def create_active(calls: int = CALLS) -> Batch:
        batch = build.create_batch(owner)
        call_data = [{"phoneNumber": f"+1{201 + index // 100}55501{index % 100:02}"} for index in range(calls)]
        assert call_api("addCallsToBatch", {"batchId": batch.id, "call_data": call_data}).json["data"]["added"] == calls
        assert call_api("start-calling", {"batchId": batch.id, "userId": owner.id}).status_code == 200
        return batch

    return create_active


@pytest.fixture
def listed(api: Callable) -> Callable[[str], dict[str, Any]]:
    """Return a function that returns a batch as the list shows it."""
    return lambda batch_id: {batch["_id"]: batch for batch in api("?limit=100").json["data"]["batches"]}[batch_id]

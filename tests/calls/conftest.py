"""Fixtures: an empty batch, its calls, and the API to add and list them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.models import Batch, User
from tests.support.builders import Builder


@pytest.fixture
def batch(build: Builder, owner: User) -> Batch:
    """Create an empty batch."""
    return build.create_batch(owner, "Spring", status="pending")


@pytest.fixture
def add(call_api: Callable, batch: Batch) -> Callable[..., Any]:
    """Return a function that adds calls to the batch."""
    return lambda calls, **options: call_api("addCallsToBatch", {"batchId": batch.id, "call_data": calls}, **options)


@pytest.fixture
def details(call_api: Callable, batch: Batch) -> Callable[..., Any]:
    """Return a function that requests batch-details of the batch."""
    return lambda **query: call_api(f"batch-details/{batch.id}", query_string=query)


@pytest.fixture
def newest_batch(api: Callable) -> Callable[[], dict[str, Any]]:
    """Return a function that requests the newest batch of the list."""
    return lambda: api().json["data"]["batches"][0]

"""Idempotency-Key: a repeated request gets the first answer and changes nothing (contract, section 3)."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from flask import Flask

from portal.idempotency import actions
from portal.models import Scope, User
from portal.times import DAY_MS, now_ms
from tests.support.builders import Builder

NEW = {"batchName": "Spring", "callingNumbers": ["+12025550100"]}


@pytest.fixture
def keyed(call_api: Callable) -> Callable[..., Any]:
    """Return a function that calls the API with an Idempotency-Key."""
    return lambda key, *call, **options: call_api(*call, environ_overrides={"HTTP_IDEMPOTENCY_KEY": key}, **options)


def count_batches(api: Callable) -> int:
    return api().json["data"]["pagination"]["total"]


def test_a_repeated_request_gets_the_first_answer(keyed: Callable, api: Callable) -> None:
    first = keyed("k", "createBatch", NEW)
    again = keyed("k", "createBatch", dict(reversed(NEW.items())))
    assert (first.status_code, first.json) == (again.status_code, again.json)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.headers["Cache-Control"] == "no-store"
    assert count_batches(api) == 1


def test_a_key_with_another_request_is_422(keyed: Callable, api: Callable) -> None:
    keyed("k", "createBatch", NEW)
    for call in (("createBatch", NEW | {"retry": 1}), ("addCallsToBatch", NEW), ("createBatch", {})):
        answer = keyed("k", *call)
        assert answer.status_code == 422
        assert "Idempotency-Key was used for another request" in answer.json["errorMessage"]
    assert count_batches(api) == 1


def test_a_key_belongs_to_its_token(keyed: Callable, api: Callable, build: Builder, owner: User) -> None:
    keyed("k", "createBatch", NEW)
    other = build.create_token(owner, Scope.WRITE)
    assert keyed("k", "createBatch", NEW | {"retry": 1}, token=other).status_code == 201
    assert count_batches(api) == 2


def test_a_failed_request_can_be_repeated(keyed: Callable, api: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    assert keyed("k", "createBatch", NEW | {"retry": 99}).status_code == 400
    with monkeypatch.context() as patched:
        patched.setattr("portal.batches.actions.create_batch", None)
        assert keyed("k", "createBatch", NEW).status_code == 500
    assert keyed("k", "createBatch", NEW).status_code == 201
    assert count_batches(api) == 1


def test_a_partly_successful_answer_is_given_again(keyed: Callable, call_api: Callable) -> None:
    batch_id = call_api("createBatch", NEW).json["data"]
    calls = [{"phoneNumber": f"+1202555{number:04}"} for number in range(100, 1100)] + [{"phoneNumber": "?"}]
    sent = "addCallsToBatch", {"batchId": batch_id, "call_data": calls}
    first = keyed("k", *sent)
    assert first.status_code == 207
    call_api(f"delete-batch/{batch_id}", method="DELETE")
    again = keyed("k", *sent)
    assert (again.status_code, again.json) == (207, first.json)


def test_a_repeated_upload_creates_one_batch(keyed: Callable, api: Callable, owner: User) -> None:
    def upload(content: bytes, boundary: str) -> Any:
        form = {"userId": owner.id, "batchName": "Spring", "callingNumbers": '["+12025550100"]'}
        data = form | {"file": (io.BytesIO(content), "contacts.csv")}
        content_type = f"multipart/form-data; boundary={boundary}"
        return keyed("k", "upload", method="POST", data=data, content_type=content_type)

    first = upload(b"phoneNumber\n+12025550101\n", "one")
    again = upload(b"phoneNumber\n+12025550101\n", "other")
    assert first.status_code == again.status_code == 200
    assert first.json == again.json
    assert upload(b"phoneNumber\n+12025550102\n", "one").status_code == 422
    assert count_batches(api) == 1


def test_a_late_repetition_does_not_start_a_stopped_batch(
    keyed: Callable, call_api: Callable, api: Callable, owner: User
) -> None:
    batch_id = call_api("createBatch", NEW).json["data"]
    call_api("addCallsToBatch", {"batchId": batch_id, "call_data": [{"phoneNumber": "+12025550101"}]})
    body = {"batchId": batch_id, "userId": owner.id}
    first = keyed("k", "start-calling", body)
    call_api("stop-calling", body)
    assert keyed("k", "start-calling", body).json == first.json
    assert api().json["data"]["batches"][0]["queue_status"] == "stopped"


def test_of_simultaneous_requests_one_creates(keyed: Callable, api: Callable) -> None:
    barrier = Barrier(4)

    def create(_number: int) -> Any:
        barrier.wait()
        return keyed("k", "createBatch", NEW)

    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(create, range(4)))
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.json["data"] for answer in answers}) == 1
    assert sum("Idempotency-Replayed" in answer.headers for answer in answers) == 3
    assert count_batches(api) == 1


def test_a_key_is_free_after_a_day_and_its_answer_deleted(
    app: Flask, keyed: Callable, api: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    keyed("k", "createBatch", NEW)
    keyed("other", "createBatch", NEW)
    monkeypatch.setattr(actions, "now_ms", lambda: now_ms() + DAY_MS)
    assert "Idempotency-Replayed" not in keyed("k", "createBatch", NEW | {"retry": 1}).headers
    assert count_batches(api) == 3
    with app.app_context():
        actions.delete_expired_answers()
    monkeypatch.undo()
    assert "Idempotency-Replayed" in keyed("k", "createBatch", NEW | {"retry": 1}).headers
    assert "Idempotency-Replayed" not in keyed("other", "createBatch", NEW).headers

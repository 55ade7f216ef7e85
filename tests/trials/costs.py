"""Requests that are costly to refuse: the work for each is bounded by its length."""

from __future__ import annotations

import gc
import json
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

from portal.calls import parameters
from portal.web import json_body
from tests.support.wsgi_client import FormFile, WsgiRequest, multipart_request
from tests.trials.fixtures import Fixtures
from tests.trials.trial import Conditions, Outcome, Trial

# Processor time that a request may take. A text of quadratic cost takes a minute at full size, 2 seconds at the short.
SECONDS = 0.6
SECONDS_PER_MEGABYTE = 0.15

ROW_LENGTH = 9_000  # characters of a cell of a contact file, which has a limit of its own
NAMES_PER_CHARACTER = 8


def run(conditions: Conditions) -> Outcome:
    """Send every request once; `count` is the length of its texts in characters."""
    failures: list[str] = []
    done, slowest = 0, 0.0
    with conditions.app() as app:
        fixtures = Fixtures(app, conditions.monitor, batches=1)
        client = fixtures.client()
        bearer = f"Bearer {fixtures.owner.tokens['good']}"
        for name, request in costly_requests(fixtures, conditions.count):
            if conditions.should_stop(failures):
                break
            conditions.report_progress(name)
            limit = SECONDS + SECONDS_PER_MEGABYTE * len(request.body) / 1e6
            with other_objects_frozen():
                started = time.process_time()
                response = client.send(replace(request, headers={"Authorization": bearer}))
                seconds = time.process_time() - started
            done, slowest = done + 1, max(slowest, seconds)
            if response.status not in (400, 413, 414, 422):
                failures.append(f"{name}: answered {response.status}")
            if seconds > limit:
                failures.append(f"{name}: took {seconds:.1f} s of processor time, {limit:.1f} s are allowed")
    return Outcome(conditions.count, failures, {"requests": done, "slowest": f"{slowest:.2f} s"})


@contextmanager
def other_objects_frozen() -> Iterator[None]:
    """Keep the garbage collector from visiting the objects of other tests, which can cost half a second."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


def costly_requests(fixtures: Fixtures, length: int) -> Iterator[tuple[str, WsgiRequest]]:
    """Yield requests whose parsing takes long, or took long in an earlier release."""
    batch, user = fixtures.owner.batches[0], fixtures.owner.user.id
    for repeated in (",", " ", "(", "-", ".", "1", "+", "x", ";", "\u200e"):
        number = f"1{repeated * length}a"
        calls = {"batchId": batch, "call_data": [{"phoneNumber": number}]}
        yield f"a call's number of {repeated!r}", post("addCallsToBatch", calls)
    number = "1" + "," * length + "a"
    event = {"eventId": "1", "batchId": batch, "phoneNumber": number, "callStatus": "busy"}
    yield "an event's number", post("call-events", {"events": [event]})
    new_batch = {"batchName": number, "callingNumbers": [number], "timezone": number, "callingHour": {"start": number}}
    yield "every text of createBatch", post("createBatch", new_batch)
    rows = f'phoneNumber,name\n"1{"," * ROW_LENGTH}a",x\n' * (1 + length // ROW_LENGTH)
    fields = [("userId", user), ("batchName", "Costly"), ("callingNumbers", '["+12025550100"]')]
    yield "cells of a contact file", multipart_request("/api/call/upload", fields, [FormFile("a.csv", rows.encode())])
    many = length * NAMES_PER_CHARACTER
    yield "unknown names", post("createBatch", {f"n{number}": 1 for number in range(many)})
    yield "wrong list items", post("createBatch", {"batchName": "A", "callingNumbers": [1] * many})
    yield "wrong weekdays", post("createBatch", {"batchName": "A", "callingNumbers": [], "allowedDays": [9] * many})
    yield "wrong events", post("call-events", {"events": [{}] * many})
    wide = {f"n{number}": 1 for number in range(900)}
    yield "events of unknown names", post("call-events", {"events": [wide] * (many // 900)})
    yield "wrong calls", post("addCallsToBatch", {"batchId": batch, "call_data": [1] * many})
    yield "calls of many names", post("addCallsToBatch", {"batchId": batch, "call_data": [wide] * (many // 900)})
    yield "nested lists", replace(post("createBatch", {}), body=b"[" * many)
    yield "empty lists", replace(post("createBatch", {}), body=b'{"a": [' + b"[]," * many + b"1]}")
    yield "digits", replace(post("createBatch", {}), body=b'{"retry": 1' + b"1" * many + b"}")


def post(operation: str, body: object) -> WsgiRequest:
    """Return a request of the API."""
    content = json.dumps(body).encode()
    return WsgiRequest("POST", f"/api/call/{operation}", body=content, content_type="application/json")


# --- defects ----------------------------------------------------------------------------------------------------------

QUADRATIC = re.compile(r"\d\W*(?:ext|x|[,;#])\W*\d")


@contextmanager
def explain_long_numbers() -> Iterator[None]:
    """Look for an extension in any text that is no phone number, with two repetitions of the same characters."""

    def parse(text: str, _region: str) -> str:
        QUADRATIC.search(text)
        raise ValueError("is not a phone number")

    with patch.object(parameters, "parse_phone_number", parse):
        yield


@contextmanager
def accept_any_number_of_names() -> Iterator[None]:
    """Let an object have any number of names, each with a message of its own."""
    with patch.object(json_body, "MAX_NAMES", 1 << 40):
        yield


TRIAL = Trial(
    name="costs",
    title="requests of texts, names and items that are costly to refuse",
    passes_when=f"refused within {SECONDS} s and {SECONDS_PER_MEGABYTE} s per megabyte of processor time",
    unit="characters",
    full=100_000,
    short=12_000,
    run=run,
    defects={
        "long numbers are explained": explain_long_numbers,
        "objects may have any number of names": accept_any_number_of_names,
    },
)

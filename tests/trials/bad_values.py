"""Named bad values at every parameter and field: no failure of ours, and whoever sent one is told what to change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, quote_from_bytes

from portal.api.openapi import camel_case
from portal.web import parameters
from tests.trials.asker import Asker
from tests.trials.client import Answer, Request, encoded, form_request, multipart_request
from tests.trials.fields import Field, Path, all_fields
from tests.trials.routes import ROWS, VARIABLE, Row, Things, filled_row, good_request
from tests.trials.trial import Conditions, Outcome, Trial
from tests.trials.values import VALUES, Value
from tests.trials.world import World

HERE = "@ here the value stands @"

# A value can succeed and so use its things up: they are made anew after so many.
FRESH_AFTER = 25

ENVELOPE = {"message", "status", "code", "errorMessage", "data"}

# What a page says an error with.
SAID = ('role="alert"', 'class="field-problem"', 'class="error-page"', "<p><strong>")

# What no server hands on in a header.
NOT_IN_HEADERS = (b"\0", b"\r", b"\n")


def run(conditions: Conditions) -> Outcome:
    """So many values at every field; a few take turns, so that together the fields see all of them."""
    with conditions.app() as app:
        world = World(app, conditions.watch)
        world.promote(world.owner)
        asker = Asker(world, world.owner)
        things = Things(world, world.owner)
        rows = {endpoint: filled_row(row, things) for endpoint, row in ROWS.items() if endpoint in app.view_functions}
        fields = all_fields(app, asker.client, rows)
        failures: list[str] = []
        done = used = 0
        rule = None
        for number, field in enumerate(fields):
            if number % 25 == 0:
                conditions.tell(f"{number} of {len(fields)} fields, {done:,} requests")
            for turn in range(conditions.count):
                if conditions.enough(failures):
                    break
                if field.rule is not rule or used >= FRESH_AFTER:
                    asker.renew()
                    row, rule, used = filled_row(ROWS[field.rule.endpoint], things), field.rule, 0
                used += 1
                value = VALUES[(number * conditions.count + conditions.seed + turn) % len(VALUES)]
                request = request_with(field, row, value, asker.csrf_token)
                if request:
                    done += 1
                    if wrong := judged(field, row, value, asker.ask(request, row)):
                        failures.append(f"{field} = {value.name}: {wrong}")
        return Outcome(done, failures, {"fields": len(fields), "values": len(VALUES)})


def request_with(field: Field, row: Row, value: Value, csrf_token: str) -> Request | None:
    """The route's right request with the value in one place; None where no server would hand it on."""
    right = good_request(field.rule, row, csrf_token)
    if field.kind == "path":
        parts = {**row.path, field.name: quote_from_bytes(value.wire, safe="")}
        return replace(right, path=VARIABLE.sub(lambda found: parts[found[3]], field.rule.rule))
    if field.kind == "query":
        others = [pair for pair in row.query.split("&") if pair and pair.partition("=")[0] != field.name]
        return replace(right, query="&".join([*others, encoded([(field.name, value.wire)])]))
    if field.kind == "header":
        if any(bad in value.wire for bad in NOT_IN_HEADERS):
            return None
        return with_header(right, field.name, value.wire)
    if field.kind == "json":
        body = json.dumps(put(deepcopy(row.json), field.path, HERE)).encode()
        return replace(right, body=body.replace(json.dumps(HERE).encode(), value.json))
    pairs: list[tuple[str | bytes, str | bytes]] = [*(row.form or {}).items(), ("csrf_token", csrf_token)]
    if row.whom.api:
        pairs.pop()
    file = row.file
    if field.kind == "file" and file:
        file = replace(file, **{field.name: value.wire})
    if field.kind == "form":
        pairs = [pair for pair in pairs if pair[0] != field.name] + [(field.name, value.wire)]
    return multipart_request(right.path, pairs, [file]) if file else form_request(right.path, pairs)


def with_header(request: Request, name: str, value: bytes) -> Request:
    """The request with a header, some of which have a form of their own."""
    if name == "Content-Type":
        return replace(request, content_type=value.decode("latin-1"))
    before = {"Authorization": b"Bearer ", "Cookie": b"session="}.get(name, b"")
    return replace(request, headers={**request.headers, name: before + value})


def put(body: Any, path: Path, value: Any) -> Any:
    """`body` with the value at the end of the path, whatever must be made on the way."""
    if not path:
        return value
    first, *rest = path
    if isinstance(first, int):
        items = list(body) if isinstance(body, list) else []
        inner = items[first] if first < len(items) else None
        return [*items[:first], put(inner, tuple(rest), value), *items[first + 1 :]]
    known = dict(body) if isinstance(body, Mapping) else {}
    return {**known, first: put(known.get(first), tuple(rest), value)}


def judged(field: Field, row: Row, value: Value, answer: Answer) -> str:
    """What is wrong with an answer; empty where it is as it should be."""
    if answer.status >= 500:
        return f"{answer.status}" if answer.kind == "text/html" else f"{answer.status}: {answer.text[:200]}"
    if answer.status < 400:
        return ""
    if not field.rule.rule.startswith("/api/"):
        said = answer.kind == "text/html" and any(words in answer.text for words in SAID)
        said = said or (field.name == "Host" and answer.kind == "text/plain")  # no page can be drawn without a host
        return "" if said or "HX-Redirect" in answer.headers else f"{answer.status} without a message"
    body = answer.json
    if not isinstance(body, dict) or set(body) != ENVELOPE or body["code"] != answer.status or body["status"]:
        return f"{answer.status} without the envelope: {answer.text[:200]}"
    message = body["errorMessage"]
    named = camel_case(field.name) in message or any(str(step) in message for step in field.path[:1])
    unreadable = (value.whole or field.kind == "file") and message.startswith(("The body", "file"))
    if answer.status == 400 and field.kind != "header" and not (named or unreadable):
        return f"400 that does not name it: {message[:200]}"
    return ""


# --- broken portals ---------------------------------------------------------------------------------------------------


@contextmanager
def decoding_carelessly() -> Iterator[None]:
    """An address is taken to be UTF-8 before it is known to be."""

    def careless(query: str, keep_blank: bool, encoding: str, max_num_fields: int) -> list[tuple[str, str]]:
        return parse_qsl(query, keep_blank, max_num_fields=max_num_fields)

    with patch.object(parameters, "parse_qsl", careless):
        yield


@contextmanager
def naming_nothing() -> Iterator[None]:
    """What was wrong is no longer named."""
    with patch.object(parameters, "explain_error", lambda *_: "Something is wrong"):
        yield


TRIAL = Trial(
    name="bad-values",
    title="named bad values at every parameter and field",
    passes_when="no 5xx; each 4xx in the envelope and naming the field, or a page with a message",
    unit="requests",
    full=len(VALUES),
    short=1,
    run=run,
    broken={"addresses are decoded without care": decoding_carelessly, "nothing is named": naming_nothing},
)

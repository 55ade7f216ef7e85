"""Malformed values in every parameter and field: no 5xx, and each error names the field to change."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import replace
from typing import Any
from unittest.mock import patch
from urllib.parse import parse_qsl, quote_from_bytes

from portal.api.document import camel_case
from portal.web import parameters
from tests.support.wsgi_client import WsgiRequest, WsgiResponse, encode_pairs, form_request, multipart_request
from tests.trials.fields import InputField, Path, all_fields
from tests.trials.fixtures import Fixtures
from tests.trials.malformed_values import VALUES, MalformedValue
from tests.trials.routes import PATH_VARIABLE, ROUTE_ROWS, Placeholders, RouteRow, fill_row, valid_request
from tests.trials.session_client import SessionClient
from tests.trials.trial import Conditions, Outcome, Trial

MARKER = "@ value @"

# A successful request changes its data, so the data are created again after this number of requests.
REFRESH_INTERVAL = 25

ENVELOPE = {"message", "status", "code", "errorMessage", "data"}

# The markup of error messages in pages.
ERROR_MARKUP = ('role="alert"', 'class="field-problem"', 'class="error-page"', "<p><strong>")

# Bytes that no server passes on in a header.
FORBIDDEN_IN_HEADERS = (b"\0", b"\r", b"\n")


def run(conditions: Conditions) -> Outcome:
    """Send some values to every field. With a low count, the fields together receive all values."""
    with conditions.app() as app:
        fixtures = Fixtures(app, conditions.monitor)
        fixtures.promote(fixtures.owner)
        session_client = SessionClient(fixtures, fixtures.owner)
        placeholders = Placeholders(fixtures, fixtures.owner)
        rows = {
            endpoint: fill_row(row, placeholders)
            for endpoint, row in ROUTE_ROWS.items()
            if endpoint in app.view_functions
        }
        fields = all_fields(app, session_client.client, rows)
        failures: list[str] = []
        done = used = 0
        rule = None
        for number, field in enumerate(fields):
            if number % 25 == 0:
                conditions.report_progress(f"{number} of {len(fields)} fields, {done:,} requests")
            for turn in range(conditions.count):
                if conditions.should_stop(failures):
                    break
                if field.rule is not rule or used >= REFRESH_INTERVAL:
                    session_client.restore()
                    row, rule, used = fill_row(ROUTE_ROWS[field.rule.endpoint], placeholders), field.rule, 0
                used += 1
                value = VALUES[(number * conditions.count + conditions.seed + turn) % len(VALUES)]
                request = request_with(field, row, value, session_client.csrf_token)
                if request:
                    done += 1
                    if problems := find_problem(field, row, value, session_client.send(request, row)):
                        failures.append(f"{field} = {value.name}: {problems}")
        return Outcome(done, failures, {"fields": len(fields), "values": len(VALUES)})


def request_with(field: InputField, row: RouteRow, value: MalformedValue, csrf_token: str) -> WsgiRequest | None:
    """Return the route's valid request with the value in one field; None if no server would pass it on."""
    right = valid_request(field.rule, row, csrf_token)
    if field.kind == "path":
        parts = {**row.path, field.name: quote_from_bytes(value.wire, safe="")}
        return replace(right, path=PATH_VARIABLE.sub(lambda found: parts[found[3]], field.rule.rule))
    if field.kind == "query":
        others = [pair for pair in row.query.split("&") if pair and pair.partition("=")[0] != field.name]
        return replace(right, query="&".join([*others, encode_pairs([(field.name, value.wire)])]))
    if field.kind == "header":
        if any(bad in value.wire for bad in FORBIDDEN_IN_HEADERS):
            return None
        return with_header(right, field.name, value.wire)
    if field.kind == "json":
        body = json.dumps(insert_value(deepcopy(row.json), field.path, MARKER)).encode()
        return replace(right, body=body.replace(json.dumps(MARKER).encode(), value.json))
    pairs: list[tuple[str | bytes, str | bytes]] = [*(row.form or {}).items(), ("csrf_token", csrf_token)]
    if row.audience.api:
        pairs.pop()
    file = row.file
    if field.kind == "file" and file:
        file = replace(file, **{field.name: value.wire})
    if field.kind == "form":
        pairs = [pair for pair in pairs if pair[0] != field.name] + [(field.name, value.wire)]
    return multipart_request(right.path, pairs, [file]) if file else form_request(right.path, pairs)


def with_header(request: WsgiRequest, name: str, value: bytes) -> WsgiRequest:
    """Return the request with a header; some headers have a prefix."""
    if name == "Content-Type":
        return replace(request, content_type=value.decode("latin-1"))
    before = {"Authorization": b"Bearer ", "Cookie": b"session="}.get(name, b"")
    return replace(request, headers={**request.headers, name: before + value})


def insert_value(body: Any, path: Path, value: Any) -> Any:
    """Return the body with the value at the path; missing parts are created."""
    if not path:
        return value
    first, *rest = path
    if isinstance(first, int):
        items = list(body) if isinstance(body, list) else []
        inner = items[first] if first < len(items) else None
        return [*items[:first], insert_value(inner, tuple(rest), value), *items[first + 1 :]]
    known = dict(body) if isinstance(body, Mapping) else {}
    return {**known, first: insert_value(known.get(first), tuple(rest), value)}


def find_problem(field: InputField, row: RouteRow, value: MalformedValue, response: WsgiResponse) -> str:
    """Return the problem of a response; empty if there is none."""
    if response.status >= 500:
        return f"{response.status}" if response.kind == "text/html" else f"{response.status}: {response.text[:200]}"
    if response.status < 400:
        return ""
    if not field.rule.rule.startswith("/api/"):
        has_message = response.kind == "text/html" and any(words in response.text for words in ERROR_MARKUP)
        has_message = has_message or (
            field.name == "Host" and response.kind == "text/plain"
        )  # without a host there is no page
        return "" if has_message or "HX-Redirect" in response.headers else f"{response.status} without a message"
    body = response.json
    if not isinstance(body, dict) or set(body) != ENVELOPE or body["code"] != response.status or body["status"]:
        return f"{response.status} without the envelope: {response.text[:200]}"
    message = body["errorMessage"]
    named = camel_case(field.name) in message or any(str(step) in message for step in field.path[:1])
    unreadable = (value.whole or field.kind == "file") and message.startswith(("The body", "file"))
    if response.status == 400 and field.kind != "header" and not (named or unreadable):
        return f"400 that does not name the field: {message[:200]}"
    return ""


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def decode_without_check() -> Iterator[None]:
    """Decode query strings as UTF-8 without a check."""

    def patched(query: str, keep_blank: bool, encoding: str, max_num_fields: int) -> list[tuple[str, str]]:
        return parse_qsl(query, keep_blank, max_num_fields=max_num_fields)

    with patch.object(parameters, "parse_qsl", patched):
        yield


@contextmanager
def hide_field_names() -> Iterator[None]:
    """Leave the name of the field out of error messages."""
    with patch.object(parameters, "explain_error", lambda *_: "Something is wrong"):
        yield


TRIAL = Trial(
    name="bad-values",
    title="malformed values in every parameter and field",
    passes_when="no 5xx; each 4xx in the envelope and naming the field, or a page with a message",
    unit="requests",
    full=len(VALUES),
    short=1,
    run=run,
    defects={
        "query strings are decoded without a check": decode_without_check,
        "field names are hidden": hide_field_names,
    },
)

"""The document is what the server does: every documented example, default and null is sent and succeeds."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from portal.api.document import build_document
from portal.api.schema import BATCH_ID, CALL_ID, CALLER_NUMBER_ID, PHONE_NUMBER, TRUNK_ID, USER_ID
from portal.models import Scope
from portal.web.parameters import models_by_name
from tests.api.documented_requests import (
    Document,
    DocumentedRequest,
    assert_documented,
    build_validator,
    operations_of,
)
from tests.support.builders import Builder
from tests.support.databases import empty

# The document and the parsing of requests do not depend on the database.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)

# The status that a batch needs for a request.
STATUS = {"pauseCalling": "active", "resumeCalling": "paused", "stopCalling": "active"}


@pytest.fixture
def document(app: Flask) -> Document:
    return build_document(app)


@pytest.fixture
def send(app: Flask, build: Builder, client: FlaskClient) -> Callable[..., Any]:
    """Send a request whose ids exist, and return the answer; a change starts with a new database."""

    tokens: list[str] = []

    def send_request(request: DocumentedRequest) -> Any:
        changes = request.operation.method != "get"
        if changes or not tokens:
            empty(app)
            tokens[:] = [create_rows(build, request.operation.id, others=0 if changes else 11)]
        answer = request.send(client, tokens[0])
        if changes:
            tokens.clear()
        return answer

    return send_request


def create_rows(build: Builder, operation_id: str, others: int) -> str:
    """Create the user, the batch and the call of the examples, and other batches; return the user's token."""
    owner = build.create_user("owner", id=USER_ID)
    batch = build.create_batch(
        owner,
        "Marketing Campaign May 2025",
        id=BATCH_ID,
        status=STATUS.get(operation_id, "pending"),
        total_calls=1,
        deleted=operation_id == "restoreBatch",
    )
    build.create_call(batch, id=CALL_ID, phone_number=PHONE_NUMBER, fields={"city": "Lisbon"})
    build.create_trunk(owner, id=TRUNK_ID)
    build.create_caller_number(owner, "+12025550109", id=CALLER_NUMBER_ID)
    build.suppress(owner, "+12025550108" if operation_id == "upload" else PHONE_NUMBER)
    for _ in range(others):
        build.create_batch(owner)
    return build.create_token(owner, *Scope)


def assert_success(request: DocumentedRequest, answer: Any) -> None:
    operation = request.operation
    assert answer.status_code < 300, (operation.id, request.query, request.body, answer.text[:300])
    assert_documented(operation.document, operation.path, operation.method, answer)


def test_every_example_of_a_request_succeeds(document: Document, send: Callable) -> None:
    for operation in operations_of(document):
        requests = [operation.build_request()]
        requests += [operation.build_request(one["name"]) for one in operation.parameters if not one.get("required")]
        for request in requests:
            assert_success(request, send(request))


def test_null_for_every_optional_field_succeeds(document: Document, send: Callable) -> None:
    with_optional = [operation for operation in operations_of(document) if operation.optional_fields]
    assert with_optional
    for operation in with_optional:
        request = operation.build_request(nulls=tuple(operation.optional_fields))
        assert_success(request, send(request))


def test_null_for_every_optional_field_of_an_event_succeeds(document: Document, send: Callable) -> None:
    """One event for each field: not all of them can be null at once."""
    (operation,) = (one for one in operations_of(document) if one.id == "reportEvents")
    request = operation.build_request()
    (event,) = request.body["events"]
    event |= {"batchId": BATCH_ID, "phoneNumber": PHONE_NUMBER}
    schema = document["components"]["schemas"]["CallEventBody"]
    optional = sorted(schema["properties"].keys() - set(schema["required"]))
    assert "occurredAt" in optional
    request.body["events"] = [event | {"eventId": name, name: None} for name in optional]
    assert_success(request, send(request))


def test_documented_defaults_change_nothing(document: Document, send: Callable) -> None:
    """Generated clients send every default: alone, all together, and beside each other parameter."""
    for operation in operations_of(document):
        defaults = operation.defaults
        if not defaults:
            continue
        plain = send(operation.build_request())
        for one in [{name: value} for name, value in defaults.items()] + [defaults]:
            request = operation.build_request()
            request.query.update(one)
            answer = send(request)
            assert_success(request, answer)
            assert len(answer.data) == len(plain.data), one
        for parameter in operation.parameters:
            if parameter["in"] == "query":
                request = operation.build_request(parameter["name"])
                request.query.update({name: value for name, value in defaults.items() if name not in request.query})
                assert_success(request, send(request))


def test_no_field_of_a_body_or_an_answer_has_a_default(document: Document) -> None:
    """openapi-typescript requires fields with a default, so clients would send what they do not mean."""
    assert [path for path, name, _ in walk(document["components"]["schemas"]) if name == "default"] == []


def test_every_parameter_body_and_answer_has_a_valid_example(document: Document) -> None:
    for operation in operations_of(document):
        contents = [*operation.parameters, *([operation.body[1]] if operation.body else [])]
        for response in operation.content["responses"].values():
            contents += response.get("content", {}).values()
        for content in contents:
            build_validator(document, content["schema"]).validate(content["example"])


def test_every_example_in_a_schema_is_valid(document: Document) -> None:
    found = 0
    for _, name, schema in walk({"schemas": document["components"]["schemas"]}):
        if isinstance(schema, dict) and isinstance(schema.get("examples"), list) and name != "properties":
            for example in schema["examples"]:
                build_validator(document, schema).validate(example)
                found += 1
    assert found > 30


def test_bodies_accept_only_known_fields_and_answers_are_open(document: Document) -> None:
    """A later release can add a key to an answer without breaking clients."""
    schemas = document["components"]["schemas"]
    requests = set(models_by_name())
    closed_schemas = {name for name, schema in schemas.items() if schema.get("additionalProperties") is False}
    assert closed_schemas == {name for name in schemas if name in requests}


def test_the_document_has_no_unused_parts(document: Document) -> None:
    used = {value for _, name, value in walk(document) if name == "$ref"}
    for kind in ("schemas", "headers"):
        assert {f"#/components/{kind}/{name}" for name in document["components"][kind]} <= used


def walk(part: Any, name: str = "", path: str = "") -> Iterator[tuple[str, str, Any]]:
    """Yield every value of a document with its path and its own name."""
    yield path, name, part
    members = part.items() if isinstance(part, dict) else enumerate(part) if isinstance(part, list) else ()
    for inner, member in members:
        yield from walk(member, str(inner), f"{path}/{inner}")

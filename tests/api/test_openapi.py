"""The OpenAPI document matches the routes, parameters and responses of the app."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import OpenAPIV31SpecValidator, validate

from portal.batches.parameters import BatchListParameters
from portal.models import Scope, User
from portal.version import VERSION
from portal.web.parameters import known_names
from tests.api.documented_requests import assert_documented, build_validator
from tests.support.builders import Builder

# Documents, requests and answers have the same form on both databases.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)

LIST = "/api/call/batches/{userId}"

# Routes of the document itself, which it does not describe.
# The document itself, and what telephone providers call in a form of their own (docs/dialing.md).
OTHER_ROUTES = {"/api/openapi.json", "/api/docs", "/api/call/webhooks/<trunk_id>"}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    answer = client.get("/api/openapi.json")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    return answer.json


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document, cls=OpenAPIV31SpecValidator)
    assert (document["openapi"], document["info"]["version"]) == ("3.1.0", VERSION)


def test_the_document_lists_exactly_the_routes_of_the_api(app: Flask, document: dict[str, Any]) -> None:
    routes = {
        (rule.rule.count("<"), rule.rule.partition("<")[0], method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if rule.rule.startswith("/api/") and rule.rule not in OTHER_ROUTES
    }
    documented = {
        (path.count("{"), path.partition("{")[0], method)
        for path, methods in document["paths"].items()
        for method in methods
    }
    assert documented == routes


def test_the_document_lists_the_parameters_of_the_list(document: dict[str, Any]) -> None:
    parameters = document["paths"][LIST]["get"]["parameters"]
    assert [one["name"] for one in parameters if one["in"] == "query"] == known_names(BatchListParameters)
    assert [one["name"] for one in parameters if one["in"] == "path"] == ["userId"]
    assert all(one["description"] for one in parameters if one["in"] == "query")


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("page", [1, 1_000_000_000], [0, 1_000_000_001]),
        ("limit", [1, 100], [0, 101]),
        ("search", ["", "é%_", "x" * 200], ["x" * 201, "a\u0000b", "a\u0085b"]),
        ("status", [["active"], ["paused", "completed"]], [["asleep"]]),
        ("sortBy", ["createdAt", "totalCalls"], ["_id"]),
        ("sortOrder", ["asc", "desc"], ["up"]),
        ("createdFrom", ["2025-05-01", "2025-05-01T12:00", "2025-05-01T12:00:00.5+02:00"], ["2025-05", "yesterday"]),
    ],
)
def test_documented_limits_match_the_validation(
    api: Callable, build: Builder, owner: User, document: dict[str, Any], name: str, good: list, bad: list
) -> None:
    build.create_batch(owner)
    parameters = document["paths"][LIST]["get"]["parameters"]
    (schema,) = (one["schema"] for one in parameters if one["name"] == name)
    validator = OAS31Validator({**schema, "components": document["components"]})
    for value, valid in [(value, True) for value in good] + [(value, False) for value in bad]:
        assert validator.is_valid(value) is valid, value
        text = ",".join(value) if isinstance(value, list) else value
        assert api(f"?{urlencode({name: text})}").status_code == (200 if valid else 400), value


def test_list_responses_match_the_document(
    app: Flask, api: Callable, build: Builder, owner: User, stranger: User, document: dict[str, Any]
) -> None:
    nothing = api()
    build.create_batch(owner, "ÉTÉ", total_calls=9, calls_called=5, calls_picked=3, calls_completed=1)
    build.create_batch(owner, status="completed")
    write_only = build.create_token(owner, Scope.WRITE)
    full = api("?limit=1")
    answers = {
        200: [full, api("?page=9"), api("?search=nowhere")],
        304: [api("?limit=1", headers={"If-None-Match": full.headers["ETag"]})],
        400: [api("?limit=0"), api(user_id="nonsense")],
        401: [api(headers={"X-Api-Key": "nonsense"})],
        403: [api(user_id=stranger.id), api(headers={"X-Api-Key": write_only})],
        404: [nothing],
    }
    for status, given in answers.items():
        for answer in given:
            assert answer.status_code == status
            assert_documented(document, LIST, "get", answer)


def test_responses_of_all_endpoints_match_the_document(
    call_api: Callable, build: Builder, owner: User, document: dict[str, Any]
) -> None:
    """Each endpoint except the list: a success, and errors of each kind."""
    body = {"batchName": "Spring", "callingNumbers": ["+12025550100"]}
    created = call_api("createBatch", body)
    batch = created.json["data"]
    calls = [{"phoneNumber": f"+1202{number:07}"} for number in range(5_550_100, 5_551_200)]
    part = [*calls[:1000], {"phoneNumber": "x"}]
    move = {"batchId": batch, "userId": owner.id}
    event = {"eventId": "1", "batchId": batch, "phoneNumber": calls[0]["phoneNumber"], "callStatus": "completed"}

    def upload(content: bytes, name: str = "a.csv", **more: str) -> Any:
        form = {"userId": owner.id, "batchName": "File", "callingNumbers": '["+12025550100"]'} | more
        data = form | {"file": (io.BytesIO(content), name)}
        return call_api("upload", method="POST", data=data, content_type="multipart/form-data")

    answers = [
        ("createBatch", "post", 201, created),
        ("createBatch", "post", 400, call_api("createBatch", {})),
        ("createBatch", "post", 401, call_api("createBatch", body, token="x")),
        ("createBatch", "post", 403, call_api("createBatch", body, token=build.create_token(owner))),
        ("createBatch", "post", 415, call_api("createBatch", method="POST", data="x")),
        ("addCallsToBatch", "post", 200, call_api("addCallsToBatch", {"batchId": batch, "call_data": calls})),
        ("addCallsToBatch", "post", 207, call_api("addCallsToBatch", {"batchId": batch, "call_data": part})),
        ("addCallsToBatch", "post", 404, call_api("addCallsToBatch", {"batchId": "0" * 24, "call_data": calls})),
        ("start-calling", "post", 200, call_api("start-calling", move)),
        ("pause-calling", "post", 200, call_api("pause-calling", move)),
        ("resume-calling", "post", 200, call_api("resume-calling", move)),
        ("call-events", "post", 200, call_api("call-events", {"events": [event]})),
        ("call-events", "post", 400, call_api("call-events", {"events": [{}]})),
        ("stop-calling", "post", 200, call_api("stop-calling", move)),
        ("pause-calling", "post", 409, call_api("pause-calling", move)),
        ("batch-details/{batchId}", "get", 200, call_api(f"batch-details/{batch}")),
        ("batch-details/{batchId}", "get", 400, call_api(f"batch-details/{batch}?limit=0")),
        ("export/csv", "get", 200, call_api("export/csv")),
        ("export/csv", "get", 404, call_api(f"export/csv?batchId={'0' * 24}")),
        ("upload", "post", 200, upload(b"phoneNumber,name\n+12025550101,a\nx,b\n", type="true")),
        ("upload", "post", 422, upload(b"phoneNumber\nx\n")),
        ("upload", "post", 400, upload(b"", "a.csv")),
        ("delete-batch/{batchId}", "delete", 200, call_api(f"delete-batch/{batch}", method="DELETE")),
        ("delete-batch/{batchId}", "delete", 404, call_api(f"delete-batch/{batch}", method="DELETE")),
        ("restore-batch/{batchId}", "post", 200, call_api(f"restore-batch/{batch}", method="POST")),
    ]
    for path, method, status, answer in answers:
        assert answer.status_code == status, (path, answer.text[:300])
        assert_documented(document, f"/api/call/{path}", method, answer)


def test_the_check_finds_differences(api: Callable, build: Builder, owner: User, document: dict) -> None:
    """The check of these tests finds an extra key, a missing key, and a number as text."""
    build.create_batch(owner)
    body = api().json
    schema = document["paths"][LIST]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    check = build_validator(document, schema)
    assert check.is_valid(body)
    batch = body["data"]["batches"][0]
    for wrong in ({**batch, "more": 1}, {k: v for k, v in batch.items() if k != "_id"}, {**batch, "totalCalls": "0"}):
        assert not check.is_valid({**body, "data": {**body["data"], "batches": [wrong]}})


def test_the_document_is_cached_until_the_next_release(client: FlaskClient) -> None:
    tag = client.get("/api/openapi.json").headers["ETag"]
    assert client.get("/api/openapi.json", headers={"If-None-Match": tag}).status_code == 304


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        ("retry", [0, 10, 2.0], [-1, 11, 1.5]),
        ("delay", [0, 604_800], [604_801]),
        ("allowedDays", [[], [0, 6], [1, 1]], [[7], [-1], 3]),
        ("callingHour", [{"start": "00:00", "end": "23:59"}], [{"start": "24:00", "end": "1:00"}, {"start": "09:00"}]),
        ("batchName", ["a", "x" * 200], ["", "x" * 201, "a\u0000"]),
        ("callingNumbers", [["+12025550101"] * 100], [[], ["+12025550101"] * 101, "+12025550101"]),
    ],
)
def test_documented_limits_of_a_body_match_the_validation(
    call_api: Callable, document: dict[str, Any], field: str, good: list, bad: list
) -> None:
    content = document["paths"]["/api/call/createBatch"]["post"]["requestBody"]["content"]["application/json"]
    check = build_validator(document, content["schema"])
    for value, valid in [(value, True) for value in good] + [(value, False) for value in bad]:
        body = content["example"] | {field: value}
        assert check.is_valid(body) is valid, value
        assert call_api("createBatch", body).status_code == (201 if valid else 400), value


@pytest.mark.parametrize(
    "time",
    [
        "2025-05-01T12:00:00Z",
        "2025-05-01t12:00:00z",
        "2025-05-01T12:00:00.123456789-03:30",
        "2025-05-01T12:00:00-00:00",
    ],
)
def test_every_form_of_a_date_time_is_accepted(call_api: Callable, time: str) -> None:
    event = {"eventId": "1", "callId": "0" * 24, "callStatus": "busy", "occurredAt": time}
    assert call_api("call-events", {"events": [event]}).status_code == 200


def test_an_export_with_the_sort_order_of_the_document_and_a_batch_is_complete(
    call_api: Callable, build: Builder, owner: User
) -> None:
    batch = build.create_batch(owner, total_calls=1)
    build.create_call(batch)
    query = f"batchId={batch.id}&sortBy=createdAt&sortOrder=desc"
    assert len(call_api(f"export/csv?{query}").text.splitlines()) == 2
    for other in ("page=1", "limit=10", "sortOrder=asc", "search=a"):
        answer = call_api(f"export/csv?batchId={batch.id}&{other}")
        assert answer.status_code == 400
        assert other.partition("=")[0] in answer.json["errorMessage"]


def test_operations_have_names_for_methods(document: dict[str, Any]) -> None:
    names = [one["operationId"] for methods in document["paths"].values() for one in methods.values()]
    assert len(set(names)) == len(names)
    assert all(
        re.fullmatch(
            r"(list|read|create|change|start|stop|pause|resume|export|delete|restore|add|report|upload|lease|extend"
            r"|release)([A-Z]\w+)?",
            name,
        )
        for name in names
    )

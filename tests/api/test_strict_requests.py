"""Nothing in a request is silently ignored, on any call of the API (contract, sections 1 and 3)."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from werkzeug.routing import Rule

from portal.models import Scope, User
from portal.times import UTC
from portal.web.parameters import models_by_name, parse_fields
from tests.support.builders import Builder

KEY = "HTTP_IDEMPOTENCY_KEY"

pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


@pytest.fixture
def send(app: Flask, call_api: Callable, build: Builder, owner: User) -> Callable[..., list[tuple[str, Any, Any]]]:
    """Return a function that sends a request to every call of the API; it returns each rule, operation and answer."""
    ids = {
        "user_id": owner.id,
        "batch_id": build.create_batch(owner).id,
        "trunk_id": build.create_trunk(owner).id,
        "number_id": build.create_caller_number(owner, "+12025550100").id,
        "phone_number": "+12025550101",
    }
    token = build.create_token(owner, *Scope)
    calls = [(rule, app.view_functions[rule.endpoint]) for rule in app.url_map.iter_rules()]
    calls = [(rule, view.operation) for rule, view in calls if hasattr(view, "operation")]

    def send_all(query: str = "", **options: Any) -> list[tuple[str, Any, Any]]:
        return [
            (f"{method} {rule}", operation, send_one(rule, operation, method, query, options))
            for rule, operation in calls
            for method in rule.methods - {"HEAD", "OPTIONS"}
        ]

    def send_one(rule: Rule, operation: Any, method: str, query: str, options: dict[str, Any]) -> Any:
        path = rule.build({name: ids[name] for name in rule.arguments})[1].removeprefix("/api/call/")
        body: dict[str, Any] = {}
        if operation.form:
            body = {"data": {"userId": owner.id, "file": (io.BytesIO(b"x"), "x.csv")}}
        elif operation.body:
            body = {"json": {}}
        return call_api(path + query, method=method, token=token, **(options if "json" in options else body | options))

    return send_all


@pytest.mark.parametrize("query", ["?dryRun=true", "?dryRun", "?dryRun="])
def test_every_call_refuses_an_unknown_parameter(send: Callable, query: str) -> None:
    answers = send(query)
    assert len(answers) > 10
    for call, _, answer in answers:
        assert answer.status_code == 400, call
        assert answer.json["errorMessage"].startswith("dryRun is not a known parameter"), call


def test_a_call_without_a_body_refuses_one(send: Callable) -> None:
    for call, operation, answer in send(json={"dryRun": True}):
        if not operation.body:
            assert (answer.status_code, answer.json["errorMessage"][:26]) == (400, "This request takes no body"), call


def test_every_post_takes_a_key_and_other_calls_refuse_it(send: Callable) -> None:
    for call, _, answer in send(environ_overrides={KEY: "not visible: é"}):
        assert (answer.status_code, answer.json["errorMessage"][:20]) == (
            400,
            "Idempotency-Key must" if call.startswith("POST") else "Idempotency-Key has ",
        ), call


@pytest.mark.parametrize("query", ["status=,", "status=,,", "status=%20", "status=,&status="])
def test_a_list_of_empty_members_is_refused(api: Callable, query: str) -> None:
    answer = api(f"?{query}")
    assert answer.status_code == 400
    assert "status must be one or more of" in answer.json["errorMessage"]


def test_every_model_refuses_unknown_names_and_reads_null_as_not_given(app: Flask) -> None:
    models = {name: model for name, model in models_by_name().items() if model.__module__.startswith("portal.")}
    assert {"NewBatch", "HourRange", "BatchChanges", "AddCallsBody", "CallEventBody", "TransitionBody"} <= set(models)
    for name, model in models.items():
        assert model.model_config["extra"] == "forbid", name
        names = [info.alias or field for field, info in model.model_fields.items()]
        with_nulls, empty = parse_fields(dict.fromkeys(names), model, UTC, {}), parse_fields({}, model, UTC, {})
        assert with_nulls.problems == empty.problems, name
        assert with_nulls.problems or with_nulls.values == empty.values, name


NEW = '{"batchName": "Spring", "callingNumbers": ["+12025550100"]%s}'


@pytest.mark.parametrize(
    ("body", "headers", "code", "message"),
    [
        (NEW % "", {}, 201, ""),
        ("\ufeff" + NEW % "", {}, 201, ""),
        (NEW % ', "retry": 2.0', {}, 201, ""),
        (NEW % ', "retry": 2.5', {}, 400, "retry must be between 0 and 10, as a whole number"),
        (" ", {}, 400, "The body is empty; send a JSON object"),
        ("[]", {}, 400, "The body must be a JSON object"),
        ("{'a': 1}", {}, 400, "The body is not JSON: line 1, column 2"),
        (NEW % "", {"Content-Encoding": "gzip"}, 415, "Send the body without Content-Encoding: gzip is not supported"),
        (NEW % "", {"Content-Type": "text/plain"}, 415, "The content type must be application/json"),
    ],
)
def test_the_message_says_what_to_change_in_a_body(
    app: Flask, build: Builder, owner: User, body: str, headers: dict[str, str], code: int, message: str
) -> None:
    token = build.create_token(owner, Scope.WRITE)
    sent = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"} | headers
    answer = app.test_client().post("/api/call/createBatch", data=body.encode(), headers=sent)
    assert (answer.status_code, answer.json["errorMessage"]) == (code, message)


@pytest.mark.parametrize("offset", ["+02:00", "+0200", ":30+02:00", ":30.123+02:00"])
def test_an_offset_that_is_not_encoded_is_explained(api: Callable, offset: str) -> None:
    answer = api(f"?createdFrom=2025-05-01T12:00{offset}")
    assert answer.status_code == 400
    assert "with + encoded as %2B, such as 2025-05-01T12:00:00%2B02:00" in answer.json["errorMessage"]

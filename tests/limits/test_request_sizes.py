"""How large a request may be: each bound has its status, in the right form, and says which bound it was."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from portal.web.json_body import MAX_DEPTH
from tests.conftest import csrf_token


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    """A body whose objects and lists stand so deep in each other; the body itself counts."""
    inner = opening * (depth - 1) + closing * (depth - 1)
    return f'{{"batchName": {inner}}}'


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 100_000])
def test_a_body_that_is_nested_too_deep_is_refused_before_its_values_are_looked_at(
    call_api: Callable, depth: int
) -> None:
    answer = call_api("createBatch", method="POST", data=nested(depth), content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["errorMessage"] == f"The body must not be nested deeper than {MAX_DEPTH} levels"


def test_objects_count_as_lists_do_and_what_is_beside_does_not(call_api: Callable) -> None:
    told = {"batchName": "x", "callingNumbers": ["+12025550100"], "callingHour": {"start": [[]] * 1000}}
    beside = call_api("createBatch", method="POST", data=json.dumps(told), content_type="application/json")
    assert "nested" not in beside.json["errorMessage"]
    allowed = call_api("createBatch", method="POST", data=nested(MAX_DEPTH), content_type="application/json")
    assert "nested" not in allowed.json["errorMessage"]
    deep = '{"batchName":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1)
    answer = call_api("createBatch", method="POST", data=deep, content_type="application/json")
    assert "nested deeper" in answer.json["errorMessage"]


def test_a_number_of_thousands_of_digits_is_named(call_api: Callable) -> None:
    body = '{"retry": ' + "9" * 5000 + "}"
    answer = call_api("createBatch", method="POST", data=body, content_type="application/json")
    assert (answer.status_code, "too many digits" in answer.json["errorMessage"]) == (400, True)


def test_an_address_that_is_too_long_is_414(client: FlaskClient, signed_in: FlaskClient, api: Callable) -> None:
    query = f"?search={'a' * 8000}"
    program, page = api(query), signed_in.get(f"/batches{query}")
    assert (program.status_code, program.json["code"]) == (414, 414)
    assert page.status_code == 414
    assert "Use a shorter search" in page.text


def test_too_many_parameters_are_named(api: Callable, signed_in: FlaskClient) -> None:
    query = "?" + "&".join(f"p{number}=1" for number in range(201))
    assert api(query).status_code == 400
    assert "at most 200 parameters" in api(query).json["errorMessage"]
    assert signed_in.get(f"/batches{query}").status_code == 400


def test_a_form_of_too_many_fields_is_413(client: FlaskClient) -> None:
    fields = {f"field{number}": "1" for number in range(1001)}
    token = csrf_token(client.get("/login").text)
    for how in ({}, {"content_type": "multipart/form-data"}):
        answer = client.post("/login", data={"csrf_token": token, **fields}, **how)
        assert answer.status_code == 413
        assert "over the size limit" in answer.text


def test_a_form_that_is_too_large_is_413(client: FlaskClient) -> None:
    assert client.post("/login", data={"email": "a" * 1_000_001}).status_code == 413

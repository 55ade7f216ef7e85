"""Limits on the size of a request: each has its own status and message, in the API and on pages."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask.testing import FlaskClient

from portal.web.json_body import MAX_DEPTH
from tests.conftest import csrf_token


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    """Return a body that is nested this deep, including the outermost object."""
    inner = opening * (depth - 1) + closing * (depth - 1)
    return f'{{"batchName": {inner}}}'


@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 500, 100_000])
def test_a_body_that_is_nested_too_deeply_is_refused_first(call_api: Callable, depth: int) -> None:
    answer = call_api("createBatch", method="POST", data=nested(depth), content_type="application/json")
    assert answer.status_code == 400
    assert answer.json["errorMessage"] == f"The body must not be nested deeper than {MAX_DEPTH} levels"


def test_depth_counts_objects_and_lists_but_not_siblings(call_api: Callable) -> None:
    body = {"batchName": "x", "callingNumbers": ["+12025550100"], "callingHour": {"start": [[]] * 1000}}
    siblings = call_api("createBatch", method="POST", data=json.dumps(body), content_type="application/json")
    assert "nested" not in siblings.json["errorMessage"]
    allowed = call_api("createBatch", method="POST", data=nested(MAX_DEPTH), content_type="application/json")
    assert "nested" not in allowed.json["errorMessage"]
    deep = '{"batchName":' * (MAX_DEPTH + 1) + "1" + "}" * (MAX_DEPTH + 1)
    answer = call_api("createBatch", method="POST", data=deep, content_type="application/json")
    assert "nested deeper" in answer.json["errorMessage"]


def test_a_number_with_thousands_of_digits_is_refused(call_api: Callable) -> None:
    body = '{"retry": ' + "9" * 5000 + "}"
    answer = call_api("createBatch", method="POST", data=body, content_type="application/json")
    assert (answer.status_code, "too many digits" in answer.json["errorMessage"]) == (400, True)


def test_a_long_query_string_is_414(client: FlaskClient, signed_in: FlaskClient, api: Callable) -> None:
    query = f"?search={'a' * 8000}"
    response, page = api(query), signed_in.get(f"/batches{query}")
    assert (response.status_code, response.json["code"]) == (414, 414)
    assert page.status_code == 414
    assert "Use a shorter search" in page.text


def test_too_many_parameters_are_refused(api: Callable, signed_in: FlaskClient) -> None:
    query = "?" + "&".join(f"p{number}=1" for number in range(201))
    assert api(query).status_code == 400
    assert "at most 200 parameters" in api(query).json["errorMessage"]
    assert signed_in.get(f"/batches{query}").status_code == 400


def test_a_form_with_too_many_fields_is_413(client: FlaskClient) -> None:
    fields = {f"field{number}": "1" for number in range(1001)}
    token = csrf_token(client.get("/login").text)
    for options in ({}, {"content_type": "multipart/form-data"}):
        answer = client.post("/login", data={"csrf_token": token, **fields}, **options)
        assert answer.status_code == 413
        assert "over the size limit" in answer.text


def test_a_form_that_is_too_large_is_413(client: FlaskClient) -> None:
    assert client.post("/login", data={"email": "a" * 1_000_001}).status_code == 413

"""The page of the API shows the whole document without JavaScript, under the policy of all pages."""

from __future__ import annotations

import re
from html import unescape

import pytest
from flask.testing import FlaskClient

from portal.web.security_headers import POLICY

pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


@pytest.fixture
def text(client: FlaskClient) -> str:
    answer = client.get("/api/docs")
    assert answer.status_code == 200
    assert answer.headers["Content-Security-Policy"] == POLICY
    assert "Set-Cookie" not in answer.headers
    return unescape(answer.text)


def test_the_page_shows_every_operation_with_parameters_bodies_and_answers(client: FlaskClient, text: str) -> None:
    for path, methods in client.get("/api/openapi.json").json["paths"].items():
        for operation in methods.values():
            start = text.index(f'id="{operation["operationId"]}"')
            part = text[start : text.index("data-console", start)]
            assert path in part
            assert operation["summary"] in part
            assert all(f"<code>{one['name']}</code>" in part for one in operation["parameters"])
            assert all(f"<strong>{code}</strong>" in part for code in operation["responses"] if code < "400")


def test_forms_are_hidden_without_javascript(text: str) -> None:
    forms = re.findall(r"<form[^>]*>", text)
    assert len(forms) > 10
    assert all(form.endswith(" hidden>") for form in forms)


def test_the_page_is_cached_until_the_next_release(client: FlaskClient) -> None:
    tag = client.get("/api/docs").headers["ETag"]
    assert client.get("/api/docs", headers={"If-None-Match": tag}).status_code == 304

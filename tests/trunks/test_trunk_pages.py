"""The pages of trunks and caller numbers, and the menu of numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask.testing import FlaskClient

from portal.models import User
from tests.conftest import csrf_token
from tests.support.builders import Builder

NUMBER, OTHER = "+12025550100", "+12025550101"
CONTACTS = b"phone\n+12025550102\n"
SIMULATOR = {"name": "Try it", "kind": "simulator", "lines": "5", "perSecond": "0.5", "ringSeconds": "20"}

# Pages do not depend on the database; tests/trunks/test_trunks_api.py runs the actions on both.
pytestmark = pytest.mark.parametrize("app", ["sqlite"], indirect=True)


@pytest.fixture
def post(signed_in: FlaskClient) -> Callable[..., Any]:
    """Send a form below /settings and return the page that follows."""

    def send(path: str, **form: Any) -> Any:
        token = csrf_token(signed_in.get("/settings/trunks/new").text)
        return signed_in.post(f"/settings/{path}", data=form | {"csrf_token": token}, follow_redirects=True)

    return send


def first_id(html: str, path: str) -> str:
    return re.search(rf"/settings/{path}/([0-9a-f]{{24}})", html)[1]


def test_a_trunk_is_created_changed_held_and_removed(post: Callable) -> None:
    ignored = {"address": "http://127.0.0.1", "secret": "a:b", "answer": "0.25", "speed": "10", "seed": "3"}
    page = post("trunks/new", **SIMULATOR, **ignored).text
    assert "Trunk “<bdi>Try it</bdi>” created." in page
    assert "0 of 5" in page
    trunk = first_id(page, "trunks")
    edited = post(f"trunks/{trunk}", **SIMULATOR | {"name": "Harbor"}, answer="1")
    assert "Saved." in edited.text
    assert "Harbor" in edited.text
    assert "Trunk held." in post(f"trunks/{trunk}/hold").text
    assert "Trunk released." in post(f"trunks/{trunk}/release").text
    missing = post(f"trunks/{trunk}", **SIMULATOR | {"kind": "asterisk"}, address="http://127.0.0.1:8088")
    assert (missing.status_code, "Secret is required for the kind asterisk." in missing.text) == (400, True)
    assert "a:b" not in post(f"trunks/{trunk}", **SIMULATOR | {"kind": "http"}, address="http://a", secret="a:b").text
    assert "Trunk removed." in post(f"trunks/{trunk}/remove").text
    assert post(f"trunks/{trunk}/remove").status_code == 404


def test_a_test_call_is_a_batch_of_one_call(build: Builder, owner: User, post: Callable) -> None:
    trunk = build.create_trunk(owner)
    place = f"trunks/{trunk.id}/test-call"
    assert "Add one first" in post(place, phoneNumber=OTHER).text
    build.create_caller_number(owner, NUMBER, trunk_key=trunk.key)
    build.suppress(owner, "+12025550109")
    assert post(place, phoneNumber="12").status_code == 400
    refused = post(place, phoneNumber="+12025550109")
    assert (refused.status_code, "on a do-not-call list." in refused.text) == (400, True)
    page = post(place, phoneNumber=OTHER)
    assert "no one is called" in page.text
    assert "<h1><bdi>Test call</bdi></h1>" in page.text
    assert "Active" in page.text
    post(f"trunks/{trunk.id}/hold")
    assert "This trunk is held." in post(place, phoneNumber=OTHER).text


def test_problems_of_a_trunk_are_beside_their_fields(post: Callable) -> None:
    page = post("trunks/new", **SIMULATOR | {"name": "", "lines": "0", "ringSeconds": "5"}, answer="2")
    assert page.status_code == 400
    for name in ("name", "lines", "ringSeconds", "answer"):
        assert f'id="{name}-problem"' in page.text, name
    assert 'value="0.5"' in page.text


def test_caller_numbers_are_added_changed_and_removed(post: Callable, build: Builder, owner: User) -> None:
    build.change(owner, region="US")
    trunk = build.create_trunk(owner, name="Office")
    page = post("caller-numbers", phoneNumber="(202) 555-0100", label="Main", trunkId=trunk.id).text
    assert "Caller number added." in page
    assert "(202) 555-0100" in page
    number = first_id(page, "caller-numbers")
    again = post("caller-numbers", phoneNumber=NUMBER, label="", trunkId="none")
    assert (again.status_code, "already one of your caller numbers" in again.text) == (400, True)
    refused = post(f"trunks/{trunk.id}/remove").text
    assert "1 caller number belongs to this trunk. Move or remove it first." in refused
    changed = post(f"caller-numbers/{number}", label="Support", trunkId="none").text
    assert "Support" in changed
    assert "another dialer" in changed
    build.create_batch(owner, "Spring", status="active", settings={"callingNumbers": [NUMBER]})
    page = post(f"caller-numbers/{number}", label="Support", trunkId=trunk.id)
    assert (page.status_code, "Pause it first." in page.text) == (400, True)
    assert "Caller number removed." in post(f"caller-numbers/{number}/remove").text


def test_others_rows_cannot_be_opened(signed_in: FlaskClient, post: Callable, build: Builder, stranger: User) -> None:
    trunk, number = build.create_trunk(stranger, name="Secret"), build.create_caller_number(stranger, NUMBER)
    for path in (f"trunks/{trunk.id}", f"caller-numbers/{number.id}", "trunks/nonsense", "caller-numbers/nonsense"):
        assert signed_in.get(f"/settings/{path}").status_code == 404
        assert post(f"{path}/remove").status_code == 404
    for path in ("trunks", "caller-numbers"):
        assert "Secret" not in signed_in.get(f"/settings/{path}").text


def test_the_numbers_of_a_batch_are_chosen_from_a_menu(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    trunk = build.create_trunk(owner, name="Office")
    build.create_caller_number(owner, NUMBER, label="Main", trunk_key=trunk.key)
    upload = build.create_upload(owner, CONTACTS)
    address = f"/batches/new/{upload}"
    page = signed_in.get(address).text
    assert re.search(rf'type="checkbox" name="callingNumbers" value="\{NUMBER}" checked', page)
    form = {"batchName": "Spring", "callingNumbers": [NUMBER, f"{OTHER}, +12025550102"]}
    response = signed_in.post(address, data=form | {"csrf_token": csrf_token(page)}, follow_redirects=True)
    assert "and 2 more" in response.text
    assert "Dialed by" in response.text
    facts = re.search(r"Dialed by</dt><dd>(.*?)</dd>", response.text)[1]
    assert re.sub(r"<[^>]+>", "", facts) == "Office, another dialer – no real calls"


def test_a_wrong_number_beside_the_menu_is_marked(signed_in: FlaskClient, build: Builder, owner: User) -> None:
    build.create_caller_number(owner, NUMBER)
    address = f"/batches/new/{build.create_upload(owner, CONTACTS)}"
    page = signed_in.get(address).text
    for wrong in ("12", "0" * 24):
        form = {"batchName": "Spring", "callingNumbers": [NUMBER, wrong], "csrf_token": csrf_token(page)}
        answer = signed_in.post(address, data=form)
        assert answer.status_code == 400
        assert 'id="callingNumbers-problem"' in answer.text
        assert f'value="{wrong}"' in answer.text


def test_the_settings_of_a_batch_have_the_same_menu(
    signed_in: FlaskClient, call_api: Callable, build: Builder, owner: User
) -> None:
    build.create_caller_number(owner, NUMBER, label="Main")
    batch = build.create_batch(owner, settings={"callingNumbers": [OTHER]})
    address = f"/batches/{batch.id}/settings"
    page = signed_in.get(address).text
    assert re.search(rf'type="checkbox" name="callingNumbers" value="\{NUMBER}">', page)
    assert f'value="{OTHER}"' in page
    form = {"batchName": "Spring", "callingNumbers": [NUMBER, OTHER], "enableDNC": ["false", "true"]}
    signed_in.post(address, data=form | {"csrf_token": csrf_token(page)})
    stored = call_api(f"batch/{batch.id}").json["data"]
    assert (stored["callingNumbers"], stored["enableDNC"]) == ([NUMBER, OTHER], True)
    wrong = form | {"callingNumbers": ["0" * 24], "csrf_token": csrf_token(page)}
    answer = signed_in.post(address, data=wrong)
    assert (answer.status_code, 'id="callingNumbers-problem"' in answer.text) == (400, True)

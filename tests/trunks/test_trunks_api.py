"""Trunks and caller numbers in the API; contract, section 5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from portal.extensions import db
from portal.ids import new_id
from portal.models import AccountLogEntry, CallerNumber, Scope, Trunk, User
from portal.trunks import actions
from tests.support.builders import Builder

NUMBER, OTHER, PLAIN = "+12025550100", "+12025550101", "+12025550102"
SIMULATOR = {"name": "Try it", "kind": "simulator", "settings": {"answer": 0.5, "speed": 100, "seed": 7}}
ASTERISK = {"name": "Office", "kind": "asterisk", "address": "http://127.0.0.1:8088", "secret": "portal:password"}


@pytest.fixture
def trunk(call_api: Callable) -> str:
    """The id of the owner's trunk."""
    return call_api("trunks", ASTERISK).json["data"]


@pytest.fixture
def number(call_api: Callable, trunk: str) -> str:
    """The id of a caller number of the trunk."""
    return call_api("caller-numbers", {"phoneNumber": NUMBER, "label": "Main", "trunkId": trunk}).json["data"]


def create(call_api: Callable, *numbers: str) -> Any:
    return call_api("createBatch", {"batchName": "Spring", "callingNumbers": list(numbers)})


def calling_numbers(call_api: Callable, batch_id: str) -> list[str]:
    return call_api(f"batch/{batch_id}", {}, method="PATCH").json["data"]["callingNumbers"]


def test_a_trunk_is_listed_without_its_secret(app: Flask, call_api: Callable, trunk: str, number: str) -> None:
    answer = call_api("trunks?limit=5")
    assert answer.json["data"] == {
        "trunks": [
            {
                "_id": trunk,
                "name": "Office",
                "kind": "asterisk",
                "lines": 10,
                "perSecond": 1.0,
                "ringSeconds": 30,
                "held": False,
                "inUse": 0,
                "heardAt": None,
                "trouble": "",
            }
        ],
        "pagination": {"total": 1, "page": 1, "limit": 5, "totalPages": 1},
    }
    assert 'rel="first"' in answer.headers["Link"]
    with app.app_context():
        stored = db.session.execute(select(Trunk)).scalar_one()
        assert "password" not in stored.secret
        assert actions.read_secret(stored) == "portal:password"
    past = call_api("trunks?page=2").json["data"]
    assert (past["trunks"], past["pagination"]["total"]) == ([], 1)


def test_a_trunk_is_changed_held_and_removed(app: Flask, call_api: Callable, trunk: str) -> None:
    changes = {"name": "Harbor", "lines": 20, "perSecond": 0.5, "held": True, "secret": None}
    answer = call_api(f"trunks/{trunk.upper()}", changes, method="PATCH")
    assert (answer.status_code, answer.json["data"]) == (200, trunk)
    (listed,) = call_api("trunks").json["data"]["trunks"]
    assert [listed[name] for name in ("name", "lines", "perSecond", "held")] == ["Harbor", 20, 0.5, True]
    to_simulator = call_api(f"trunks/{trunk}", {"kind": "simulator", "settings": {"answer": 1}}, method="PATCH")
    assert to_simulator.status_code == 200
    with app.app_context():
        stored = db.session.execute(select(Trunk)).scalar_one()
        assert (stored.address, stored.secret, stored.settings["answer"]) == ("", None, 1.0)
    assert call_api(f"trunks/{trunk}", method="DELETE").json["message"] == "Trunk removed successfully"
    assert call_api(f"trunks/{trunk}", method="DELETE").status_code == 404
    with app.app_context():
        entries = db.session.execute(select(AccountLogEntry).order_by(AccountLogEntry.key)).scalars().all()
        logged = [(entry.what, entry.details) for entry in entries if entry.what.startswith("trunk-")]
    assert [what for what, _ in logged] == ["trunk-added", "trunk-changed", "trunk-changed", "trunk-removed"]
    assert logged[1][1] == {"name": "Harbor", "changed": "name, lines, per_second, held"}
    assert "password" not in str(logged)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"kind": "asterisk"}, "name is required"),
        ({"name": "a", "kind": "isdn"}, "kind must be one of simulator, asterisk, http"),
        (SIMULATOR | {"lines": 0}, "lines must be between 1 and 1000"),
        (SIMULATOR | {"lines": 1.5}, "lines must be between 1 and 1000, as a whole number"),
        (SIMULATOR | {"perSecond": 0}, "perSecond must be between 0.1 and 100"),
        (SIMULATOR | {"perSecond": "fast"}, "perSecond must be between 0.1 and 100"),
        (SIMULATOR | {"ringSeconds": 14}, "ringSeconds must be between 15 and 120"),
        (SIMULATOR | {"settings": {"answer": 2}}, "settings.answer must be at most 1"),
        (SIMULATOR | {"settings": {"luck": 2}}, "settings.luck is not a known parameter"),
        (SIMULATOR | {"secret": "a:b"}, "secret does not apply to the kind simulator; remove it"),
        (ASTERISK | {"address": ""}, "address is required for the kind asterisk"),
        (ASTERISK | {"secret": None}, "secret is required for the kind asterisk"),
        (ASTERISK | {"address": "ftp://127.0.0.1"}, "address must be a URL, such as http://127.0.0.1:8088"),
        (ASTERISK | {"address": "http://a:b@127.0.0.1"}, "address must not hold a user name or password"),
        (ASTERISK | {"settings": {"answer": 1}}, "settings do not apply to the kind asterisk; remove them"),
        (ASTERISK | {"held": True}, "held is not a known parameter"),
    ],
)
def test_a_wrong_trunk_is_refused(call_api: Callable, body: dict, message: str) -> None:
    answer = call_api("trunks", body)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message)
    assert call_api("trunks").json["data"]["trunks"] == []


def test_a_secret_is_not_sent_to_a_new_address(call_api: Callable, trunk: str) -> None:
    for change in ({"address": "http://127.0.0.2:8088"}, {"kind": "http"}):
        answer = call_api(f"trunks/{trunk}", change, method="PATCH")
        assert answer.json["errorMessage"] == "secret is required again with another kind or address"
        assert call_api(f"trunks/{trunk}", change | {"secret": "a:b"}, method="PATCH").status_code == 200


def test_a_rotated_key_encrypts_secrets_again(app: Flask, call_api: Callable, trunk: str) -> None:
    old = app.config["DECRYPTION_KEYS"]
    with app.app_context():
        app.secret_key, app.config["DECRYPTION_KEYS"] = "n" * 40, ("n" * 40, *old)
        try:
            actions.renew_encryption()
            app.config["DECRYPTION_KEYS"] = ("n" * 40,)
            assert actions.read_secret(db.session.execute(select(Trunk)).scalar_one()) == "portal:password"
        finally:
            app.secret_key, app.config["DECRYPTION_KEYS"] = old[0], old


def test_caller_numbers_are_added_changed_and_removed(app: Flask, call_api: Callable, trunk: str, number: str) -> None:
    assert call_api("caller-numbers").json["data"]["callerNumbers"] == [
        {"_id": number, "phoneNumber": NUMBER, "label": "Main", "trunkId": trunk}
    ]
    again = call_api("caller-numbers", {"phoneNumber": "+1 (202) 555-0100"})
    assert (again.status_code, again.json["errorMessage"]) == (409, "This number is already one of your caller numbers")
    in_use = call_api(f"trunks/{trunk}", method="DELETE")
    assert in_use.status_code == 409
    assert in_use.json["errorMessage"] == "1 caller number belongs to this trunk. Move or remove it first"
    changed = call_api(f"caller-numbers/{number}", {"label": "Support", "trunkId": "none"}, method="PATCH")
    assert changed.status_code == 200
    (listed,) = call_api("caller-numbers").json["data"]["callerNumbers"]
    assert (listed["label"], listed["trunkId"]) == ("Support", None)
    assert call_api(f"caller-numbers/{number}", method="DELETE").status_code == 200
    assert call_api(f"caller-numbers/{number}", method="DELETE").status_code == 404
    with app.app_context():
        details = db.session.execute(select(AccountLogEntry.details)).scalars().all()
    assert NUMBER not in str(details)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "phoneNumber is required"),
        ({"phoneNumber": "12"}, "phoneNumber "),
        ({"phoneNumber": PLAIN, "trunkId": "0" * 24}, "trunkId must be the id of one of your trunks"),
        (
            {"phoneNumber": PLAIN, "trunkId": "x"},
            "trunkId must be the id of a trunk, 24 hexadecimal characters, or none",
        ),
        ({"phoneNumber": PLAIN, "trunk": ""}, "trunk is not a known parameter"),
    ],
)
def test_a_wrong_caller_number_is_refused(call_api: Callable, body: dict, message: str) -> None:
    answer = call_api("caller-numbers", body)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message)


def test_ids_scopes_and_owners_are_checked(
    app: Flask, call_api: Callable, build: Builder, owner: User, stranger: User, trunk: str, number: str
) -> None:
    reader, other = build.create_token(owner), build.create_token(stranger, *Scope)
    for path in ("trunks", "caller-numbers"):
        known = trunk if path == "trunks" else number
        assert call_api(path, token=other).json["data"]["pagination"]["total"] == 0
        assert call_api(path, {}, token=reader).status_code == 403
        for method in ("PATCH", "DELETE"):
            body = {} if method == "PATCH" else None
            assert call_api(f"{path}/nonsense", body, method=method).status_code == 400
            assert call_api(f"{path}/{known}", body, method=method, token=reader).status_code == 403
            assert call_api(f"{path}/{known}", body, method=method, token=other).status_code == 404
            assert call_api(f"{path}/{new_id()}", body, method=method).status_code == 404
    foreign = call_api("createBatch", {"batchName": "a", "callingNumbers": [number]}, token=other)
    assert foreign.status_code == 400
    attached = call_api("caller-numbers", {"phoneNumber": OTHER, "trunkId": trunk}, token=other)
    assert attached.status_code == 400


def test_a_key_creates_one_row(app: Flask, build: Builder, owner: User) -> None:
    body, headers = {"phoneNumber": OTHER}, {"Idempotency-Key": "one"}
    token = build.create_token(owner, *Scope)
    headers["Authorization"] = f"Bearer {token}"
    first, second = (app.test_client().post("/api/call/caller-numbers", json=body, headers=headers) for _ in range(2))
    assert first.json["data"] == second.json["data"]
    with app.app_context():
        assert len(db.session.execute(select(CallerNumber)).all()) == 1


# --- the numbers of a batch -------------------------------------------------------------------------------------------


def test_a_batch_takes_phone_ids_and_numbers(call_api: Callable, number: str) -> None:
    answer = create(call_api, number.upper(), PLAIN, NUMBER)
    assert answer.status_code == 201
    assert calling_numbers(call_api, answer.json["data"]) == [NUMBER, PLAIN]
    changed = call_api(f"batch/{answer.json['data']}", {"callingNumbers": [PLAIN, number]}, method="PATCH")
    assert changed.json["data"]["callingNumbers"] == [PLAIN, NUMBER]
    unknown = create(call_api, PLAIN, "0" * 24)
    assert unknown.status_code == 400
    message = "callingNumbers[1] must be the id of one of your caller numbers, or a phone number"
    assert unknown.json["errorMessage"] == message
    refused = call_api(f"batch/{answer.json['data']}", {"callingNumbers": ["0" * 24]}, method="PATCH")
    assert refused.status_code == 400
    assert calling_numbers(call_api, answer.json["data"]) == [PLAIN, NUMBER]


def test_no_change_hands_an_active_batch_to_another_dialer(
    call_api: Callable, owner: User, trunk: str, number: str
) -> None:
    batch_id = create(call_api, NUMBER, PLAIN).json["data"]
    call_api("addCallsToBatch", {"batchId": batch_id, "call_data": [{"phoneNumber": "+12025550199"}]})
    call_api("start-calling", {"batchId": batch_id, "userId": owner.id})
    reason = "The active batch “Spring” calls from this number. Pause it first"
    refused = [
        call_api(f"caller-numbers/{number}", method="DELETE"),
        call_api(f"caller-numbers/{number}", {"trunkId": "none"}, method="PATCH"),
        call_api("caller-numbers", {"phoneNumber": PLAIN, "trunkId": trunk}),
    ]
    assert [(answer.status_code, answer.json["errorMessage"]) for answer in refused] == [(409, reason)] * 3
    other_trunk = call_api("trunks", SIMULATOR).json["data"]
    assert call_api(f"caller-numbers/{number}", {"trunkId": other_trunk}, method="PATCH").status_code == 200
    call_api("pause-calling", {"batchId": batch_id, "userId": owner.id})
    assert call_api(f"caller-numbers/{number}", method="DELETE").status_code == 200
    assert calling_numbers(call_api, batch_id) == [NUMBER, PLAIN]

"""GET /api/call/batch-details: the calls of a batch, in pages; contract, section 5."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from portal.models import Batch, User
from tests.calls.samples import event
from tests.support.builders import Builder


def test_details_are_searched_filtered_sorted_and_paged(
    details: Callable, build: Builder, batch: Batch, owner: User
) -> None:
    for index, (status, city) in enumerate(
        [("completed", "Évora"), ("busy", "Lisbon"), ("pending", "ÉVORA"), ("completed", "100%")]
    ):
        number = f"+1202555010{9 - index}"
        build.create_call(
            batch,
            phone_number=number,
            status=status,
            duration_seconds=index * 10,
            fields={"city": city, "age": index},
            search_text=f"{number}\n{city.casefold()}",
        )

    def cities(**query: Any) -> list[str]:
        answer = details(**query)
        assert answer.status_code == 200, answer.json
        return [call["city"] for call in answer.json["data"]["data"]]

    assert cities() == ["Évora", "Lisbon", "ÉVORA", "100%"]
    assert cities(search="évora") == cities(search="ÉVORA") == ["Évora", "ÉVORA"]
    assert cities(search="%") == ["100%"]
    assert cities(search="0108") == ["Lisbon"]
    assert cities(search="busy") == ["Lisbon"]
    assert cities(filter='{"callStatus":"completed"}') == ["Évora", "100%"]
    assert cities(filter='{"callStatus":["busy","pending"],"city":"Lisbon"}') == ["Lisbon"]
    assert cities(filter='{"age":2}') == ["ÉVORA"]
    assert cities(filter='{"phoneNumber":"+12025550109"}') == ["Évora"]
    assert cities(filter='{"nowhere":"x"}') == []
    assert cities(sortBy="phoneNumber") == ["100%", "ÉVORA", "Lisbon", "Évora"]
    assert cities(sortBy="callDuration", sortOrder="desc") == ["100%", "ÉVORA", "Lisbon", "Évora"]
    assert cities(limit=3, page=2) == ["100%"]
    body = details(limit=3, page=9).json["data"]
    assert (body["total"], body["totalPages"], body["page"], body["data"]) == (4, 2, 9, [])
    assert (body["batchId"], body["batchName"], body["batchStatus"]) == (batch.id, "Spring", "pending")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"page": "0"}, "page must be between"),
        ({"limit": "101"}, "limit must be between 1 and 100"),
        ({"search": "x" * 201}, "search must be at most 200"),
        ({"filter": "nonsense"}, "filter is not JSON"),
        ({"filter": "[]"}, "filter must be a JSON object"),
        ({"filter": '{"callStatus":"asleep"}'}, "filter must give callStatus one of"),
        ({"filter": '{"a":{"b":1}}'}, "filter must give a a string, a number, or a list of them"),
        ({"filter": '{"a\\"b":"1"}'}, "filter must use field names without quotes and backslashes"),
        ({"filter": '{"a":"1","a":"2"}'}, "filter has a more than once"),
        ({"sortBy": "city"}, "sortBy must be one of"),
        ({"color": "red"}, "color is not a known parameter"),
    ],
)
def test_invalid_parameters_are_named(details: Callable, query: dict, message: str) -> None:
    answer = details(**query)
    assert answer.status_code == 400
    assert answer.json["errorMessage"].startswith(message)


def test_a_call_from_a_history_has_one_log_entry(details: Callable, build: Builder, batch: Batch) -> None:
    call = build.create_call(batch, status="completed", duration_seconds=60, last_event_at=1_746_100_860_000)
    assert details().json["data"]["data"][0]["phoneLogs"] == [
        {
            "callStatus": "completed",
            "callDuration": 60,
            "recordingUrl": "",
            "transcript": "",
            "createdAt": "2025-05-01T12:01:00.000Z",
        }
    ]
    assert call.id == details().json["data"]["data"][0]["_id"]


def test_a_contacts_fields_never_replace_those_of_the_api(details: Callable, build: Builder, batch: Batch) -> None:
    call = build.create_call(batch, fields={"_id": "x", "phoneLogs": "y", "createdAt": "z", "phoneNumber": "0"})
    (call_json,) = details().json["data"]["data"]
    assert (call_json["_id"], call_json["phoneNumber"], call_json["phoneLogs"]) == (call.id, call.phone_number, [])


def test_a_poller_gets_304_until_something_in_the_answer_changes(
    add: Callable, call_api: Callable, batch: Batch, build: Builder, owner: User, stranger: User
) -> None:
    path = f"batch-details/{batch.id}"
    (call,) = add([{"phoneNumber": "+12025550101"}]).json["data"]["callIds"]
    body = {"batchId": batch.id, "userId": owner.id}
    changes: list[Callable[[], Any]] = [
        lambda: add([{"phoneNumber": "+12025550102"}]),
        lambda: add([{"phoneNumber": "+12025550101", "city": "Lisbon"}]),
        lambda: call_api(f"batch/{batch.id}", {"batchName": "Summer"}, method="PATCH"),
        lambda: call_api("start-calling", body),
        lambda: call_api("call-events", {"events": [event("1", call, "completed", 5)]}),
        lambda: call_api("call-events", {"events": [event("2", call, "dialing", 0, transcript="late")]}),
        lambda: call_api("stop-calling", body),
    ]
    answer = call_api(path)
    for change in changes:
        tag = answer.headers["ETag"]
        build.create_batch(stranger)
        again = call_api(path, environ_overrides={"HTTP_IF_NONE_MATCH": tag})
        assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
        assert again.headers["Cache-Control"] == answer.headers["Cache-Control"] == "private, no-cache"
        assert change().status_code == 200
        before, answer = answer.json, call_api(path, environ_overrides={"HTTP_IF_NONE_MATCH": tag})
        assert answer.status_code == 200
        assert answer.json != before
    tag = {"HTTP_IF_NONE_MATCH": answer.headers["ETag"]}
    assert call_api(path, query_string={"page": 2}, environ_overrides=tag).status_code == 200
    assert call_api(path, environ_overrides=tag, token=build.create_token(stranger)).status_code == 404
    call_api(f"delete-batch/{batch.id}", method="DELETE")
    deleted = call_api(path, environ_overrides=tag)
    assert (deleted.status_code, deleted.headers["Cache-Control"]) == (404, "no-store")

"""The names of a contact's own fields beside the portal's, in JSON, in exports and in uploaded files."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from portal.calls.fields import (
    export_header,
    is_call_export,
    name_own_fields,
    own_fields,
    portal_name,
    stored_names,
)

NAMES = [
    [],
    ["name", "city"],
    ["_id", "callStatus", "createdAt", "name"],
    ["callStatus", "callStatus (contact)", "callStatus (contact) (contact)"],
    [
        "Outcome",
        "Attempts",
        "Added (UTC)",
        "Added (by owner)",
        "Phone number",
        "phoneNumber",
        "Last event (Europe/Rome)",
    ],
]


def labels_of(header: list[str]) -> list[str]:
    """Return the header of a workbook in Lisbon."""
    return [getattr(name, "label", name).replace("{zone}", "Europe/Lisbon") for name in header]


@pytest.mark.parametrize("names", NAMES)
@pytest.mark.parametrize("shown", [list, labels_of], ids=["csv", "xlsx"])
def test_an_export_comes_back_with_the_same_fields(names: list[str], shown: Callable) -> None:
    stored = name_own_fields(names)
    for _ in range(2):
        header = shown(export_header(stored))
        assert len(set(header)) == len(header)
        assert is_call_export(header)
        assert list(stored_names(header, header[1]).values()) == stored


def test_a_users_column_with_a_name_of_the_portal_is_stored_under_another() -> None:
    assert stored_names(["phone", "callStatus", "Outcome", "_id", "attempts"], "phone") == {
        "callStatus": "callStatus (contact)",
        "Outcome": "Outcome",
        "_id": "_id (contact)",
        "attempts": "attempts (contact)",
    }


def test_the_portals_columns_are_left_out_of_an_export_even_twice() -> None:
    header = ["_id", "phoneNumber", "callStatus", "lastEventAt", "_id (2)", "callStatus (2)", "name", "name (2)"]
    assert stored_names(header, "phoneNumber") == {"name": "name", "name (2)": "name (2)"}


def test_own_fields_never_hide_those_of_the_portal() -> None:
    fields = {"name": "Ana", "callStatus": "no-answer", "callStatus (contact)": "x"}
    assert own_fields(fields) == {
        "name": "Ana",
        "callStatus (contact) (contact)": "no-answer",
        "callStatus (contact)": "x",
    }


@pytest.mark.parametrize(
    ("heading", "name"),
    [
        ("Added (Asia/Kolkata)", "createdAt"),
        ("Added (GMT)", "createdAt"),
        ("Added (x)", None),
        ("Added", None),
        ("_id", "_id"),
        ("Call ID", "_id"),
    ],
)
def test_the_portals_own_columns_are_recognized(heading: str, name: str | None) -> None:
    assert portal_name(heading) == name

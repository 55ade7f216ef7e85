"""Every form, request and file refuses names that people cannot see or compare: contract, section 3."""

from __future__ import annotations

from datetime import UTC

import pytest

from portal.accounts.parameters import AccountForm, NewUser, TokenForm
from portal.admin.parameters import AddUserForm
from portal.batches.call_history import CallHistoryColumns
from portal.batches.pages.actions import DuplicateForm, NameForm
from portal.batches.settings import BatchChanges, NewBatch
from portal.uploads.parameters import CreateBatchForm, UploadFields
from portal.web.parameters import Parameters, parse_fields

BATCH_FORMS = (NewBatch, BatchChanges, UploadFields, CreateBatchForm, CallHistoryColumns)
OPTIONAL = (NewUser, AddUserForm)  # the name of a new user


@pytest.mark.parametrize(
    ("model", "field"),
    [
        *((form, "batchName") for form in BATCH_FORMS),
        *((form, "name") for form in (NameForm, DuplicateForm, TokenForm, NewUser, AddUserForm, AccountForm)),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_a_name_needs_visible_characters_and_one_direction(model: type[Parameters], field: str) -> None:
    for name, problem in (
        ("\u200b\u2800", "must have a visible character, such as a letter or a digit"),
        ("open \u202ename", "must not hold U+202E, which changes the direction of text; remove it"),
        ("two\u2028lines", "must not hold U+2028, which starts a new line; remove it"),
    ):
        assert parse_fields({field: name}, model, UTC, {}).problems[field] == f"{field} {problem}"
    blank = parse_fields({field: "\u00a0"}, model, UTC, {}).problems.get(field)
    assert blank == (None if model in OPTIONAL else f"{field} must not be empty")
    assert field not in parse_fields({field: "Ночь שלום 🚀"}, model, UTC, {}).problems

"""Migration 0008 folds names and search texts that an earlier release has folded in its own way."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import text

from portal.batches import query
from portal.batches.derived import check
from portal.batches.parameters import BatchListParameters
from portal.calls import query as calls_query
from portal.calls.parameters import CallListParameters
from portal.db import schema_changes
from portal.extensions import db
from tests.support.builders import Builder, state_of
from tests.support.databases import DATABASES


@pytest.mark.parametrize("database", DATABASES)
def test_older_rows_are_found_after_the_migration(
    make_app: Callable[[str], Flask], database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = make_app(database)
    build = Builder(app)
    owner = build.create_user()
    batches = [build.create_batch(owner, "İstanbul\u00a0ＭＡＹ", deleted=number == 1) for number in range(3)]
    for batch in batches:
        build.create_call(batch, fields={"city": "İstanbul\u00a0ＭＡＹ"})
        build.change(batch, total_calls=1)
    monkeypatch.setattr(schema_changes, "COMMIT_PAUSE_SECONDS", 0)
    with app.app_context():
        downgrade(revision="0007")
        with db.engine.begin() as connection:  # as the release before folded them
            connection.execute(text("UPDATE batches SET name_folded = 'i\u0307stanbul\u00a0ｍａｙ'"))
            connection.execute(text("UPDATE calls SET search_text = phone_number || '\ni\u0307stanbul\u00a0ｍａｙ'"))
        version = state_of(owner).version
        db.session.remove()  # an open transaction would delay the index
        upgrade()
        assert state_of(owner).version != version  # the tags of lists change
        found = query.fetch_page(
            BatchListParameters(search="istanbul may", deleted="include").to_list_query(state_of(owner))
        )
        assert found.total == len(batches)
        calls = CallListParameters(search="ISTANBUL may").to_query("")
        assert calls_query.fetch_page(owner.key, batches[0], calls).total == 1
        assert list(check.find_all_differences(lambda _count: None)) == []

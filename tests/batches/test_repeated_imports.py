"""Importing call histories again: only new calls are added, and only once."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from typing import Any

from flask import Flask

from portal.batches import actions
from portal.batches.call_history import open_call_history
from portal.models import Batch, User
from portal.times import now_ms
from tests.batches.call_histories import ADDED_NOTHING, ROW, calls_of, counts, last_line, listed, rows_of
from tests.support.builders import Builder


def test_a_second_import_of_the_same_file_adds_nothing(
    app: Flask, owner: User, history: Callable, run_import: Callable
) -> None:
    path = history(*rows_of("Spring", range(30)), *rows_of("Autumn", range(20)))
    assert last_line(run_import(path)) == "2 batches, 50 calls added"
    before = values_of(listed(app, owner))
    assert last_line(run_import(path)) == ADDED_NOTHING
    assert values_of(listed(app, owner)) == before


def values_of(batches: dict[str, Batch]) -> dict[str, dict[str, Any]]:
    """Return every column of the batches by name."""
    return {
        name: {column.key: getattr(batch, column.key) for column in Batch.__table__.columns}
        for name, batch in batches.items()
    }


def test_a_longer_file_adds_only_new_calls(app: Flask, owner: User, history: Callable, run_import: Callable) -> None:
    run_import(history(*rows_of("Spring", range(30))))
    (first,) = listed(app, owner).values()
    later = "Spring,+19075550199,2025-04-01T09:00:00Z,61,completed,1,Faro"
    earlier = "Spring,+19075550198,2025-01-01T09:00:00Z,0,canceled,0,Faro"
    path = history(*rows_of("Spring", range(30)), later, earlier, *rows_of("Autumn", range(2)))
    assert last_line(run_import(path)) == "1 batch, 4 calls added"
    spring = listed(app, owner)["Spring"]
    assert spring.id == first.id
    assert counts(spring) == (32, 31, 31, 1)
    assert (spring.created_at, spring.updated_at) == (1_735_722_000_000, 1_743_498_000_000)


def test_a_renamed_batch_is_matched_by_its_name_in_the_history(
    app: Flask, build: Builder, owner: User, history: Callable, run_import: Callable
) -> None:
    path = history(*rows_of("Spring", range(3)))
    run_import(path)
    rename(app, build, owner, "Spring", "Vår")
    result = run_import(history(*rows_of("Spring", range(4))))
    assert last_line(result) == "0 batches, 1 call added"
    assert "Matched renamed batch: Spring is now Vår" in result.stdout
    batches = listed(app, owner)
    assert batches.keys() == {"Vår"}
    assert counts(batches["Vår"]) == (4, 4, 4, 0)


def rename(app: Flask, build: Builder, owner: User, name: str, now: str) -> None:
    build.change(listed(app, owner)[name], name=now, name_folded=now.casefold())


def test_a_deleted_batch_is_skipped(
    app: Flask, build: Builder, owner: User, history: Callable, run_import: Callable
) -> None:
    run_import(history(*rows_of("Spring", range(3)), *rows_of("Autumn", range(3))))
    spring = listed(app, owner)["Spring"]
    build.change(spring, deleted_at=now_ms(), deleted_by_key=owner.key)
    result = run_import(history(*rows_of("Spring", range(5)), *rows_of("Autumn", range(3))))
    assert last_line(result) == ADDED_NOTHING
    assert "Skipped deleted batch: Spring" in result.stdout
    assert listed(app, owner).keys() == {"Autumn"}
    restored = build.change(spring, deleted_at=None, deleted_by_key=None)
    assert len(calls_of(app, owner, restored)) == 3


def test_owners_do_not_share_a_history(
    app: Flask, owner: User, stranger: User, history: Callable, run_import: Callable
) -> None:
    path = history(*rows_of("Spring", range(3)))
    assert last_line(run_import(path)) == last_line(run_import(path, email=stranger.email)) == "1 batch, 3 calls added"
    assert listed(app, owner)["Spring"].id != listed(app, stranger)["Spring"].id


def test_a_batch_with_the_same_name_that_was_not_imported_does_not_change(
    app: Flask, build: Builder, owner: User, history: Callable, run_import: Callable
) -> None:
    mine = build.create_batch(owner, "Spring")
    assert last_line(run_import(history(ROW))) == "1 batch, 1 call added"
    assert calls_of(app, owner, mine) == []


def test_concurrent_imports_add_the_calls_once(app: Flask, owner: User, history: Callable) -> None:
    path = history(*rows_of("Spring", range(1500)), *rows_of("Autumn", range(500)))
    added: list[tuple[int, int]] = []

    def import_file() -> None:
        with app.app_context():
            result = actions.import_history(owner.key, open_call_history(str(path)), lambda _: None)
            added.append((result.batches, result.calls))

    threads = [Thread(target=import_file) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == [(0, 0), (0, 0), (2, 2000)]
    assert counts(listed(app, owner)["Spring"]) == (1500, 1500, 1500, 0)

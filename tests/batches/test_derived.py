"""Derived data equals a full scan after any changes, and `batch check` finds and repairs differences."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from flask import Flask
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from sqlalchemy import bindparam, delete, text, update
from sqlalchemy.orm import Session

from portal.batches import actions, derived, query
from portal.batches.derived import check, postgresql, sqlite
from portal.batches.parameters import BatchListParameters
from portal.db.transactions import write_transaction
from portal.extensions import db
from portal.models import Batch, BatchBucket, BatchList, QueueStatus, User
from portal.text import fold
from tests.support.builders import MAY_2025, Builder, state_of

DAY = 86_400_000

names = st.sampled_from(["Marketing May", "ÉTÉ 100%", "active in name", "a_b", "Straße", "xy", "stop press"])
statuses = st.sampled_from(list(QueueStatus))
moments = st.integers(-400, 400).map(lambda days: MAY_2025 + days * DAY // 7)
some = st.sets(st.integers(0, 30), min_size=1, max_size=6)


class SimulatedFailure(Exception):
    """A failure before the end of a transaction."""


class Changes(RuleBasedStateMachine):
    """Random changes of two owners' batches; some fail before they are committed."""

    users: tuple[User, User]

    def __init__(self) -> None:
        super().__init__()
        with write_transaction() as session:
            session.execute(delete(Batch))
        self.rows: list[dict[str, Any]] = []

    @contextmanager
    def change(self, fails: bool, owner_keys: set[int]) -> Iterator[Session]:
        """Open a transaction that may fail; afterwards exactly the changed owners have new versions."""
        before = self.versions()
        changed = set() if fails else owner_keys
        with suppress(SimulatedFailure), write_transaction() as session:
            yield session
            if fails:
                raise SimulatedFailure
        assert {key for key, version in self.versions().items() if version != before[key]} == changed

    def versions(self) -> dict[int, int]:
        return {user.key: state_of(user).version for user in self.users}

    def apply(self, fails: bool, chosen: set[int], statement: Any, change: Callable[[dict], dict]) -> None:
        """Execute a statement on the chosen rows of both owners, and change the model if it is committed."""
        indexes = sorted({number % len(self.rows) for number in chosen}) if self.rows else []
        rows = [self.rows[index] for index in indexes]
        with self.change(fails, {row["owner_key"] for row in rows}) as session:
            session.execute(statement, {"keys": [row["key"] for row in rows]})
        for row in rows if not fails else []:
            row.update(change(row))

    @rule(
        user=st.integers(0, 1), names=st.lists(names, min_size=1, max_size=4), created_at=moments, fails=st.booleans()
    )
    def create(self, user: int, names: list[str], created_at: int, fails: bool) -> None:
        """Insert batches, most with a created_at in the past."""
        new = [
            {"name": name, "status": list(QueueStatus)[number], "created_at": created_at, "updated_at": created_at}
            for number, name in enumerate(names)
        ]
        with self.change(fails, {self.users[user].key}) as session:
            added = actions.insert_batches(session, self.users[user].key, new)
        self.rows += [] if fails else [{"deleted": False} | row for row in added]

    @rule(chosen=some, name=names, fails=st.booleans())
    def rename(self, chosen: set[int], name: str, fails: bool) -> None:
        statement = changing(name=name, name_folded=fold(name))
        self.apply(fails, chosen, statement, lambda row: {"name": name, "name_folded": fold(name)})

    @rule(chosen=some, status=statuses, fails=st.booleans())
    def change_status(self, chosen: set[int], status: QueueStatus, fails: bool) -> None:
        self.apply(fails, chosen, changing(status=status), lambda row: {"status": status})

    @rule(chosen=some, created_at=moments, fails=st.booleans())
    def redate(self, chosen: set[int], created_at: int, fails: bool) -> None:
        self.apply(fails, chosen, changing(created_at=created_at), lambda row: {"created_at": created_at})

    @rule(chosen=some, fails=st.booleans())
    def delete(self, chosen: set[int], fails: bool) -> None:
        statement = changing(deleted_at=MAY_2025, deleted_by_key=Batch.owner_key)
        self.apply(fails, chosen, statement, lambda row: {"deleted": True})

    @rule(chosen=some, fails=st.booleans())
    def restore(self, chosen: set[int], fails: bool) -> None:
        statement = changing(deleted_at=None, deleted_by_key=None)
        self.apply(fails, chosen, statement, lambda row: {"deleted": False})

    @rule(chosen=some, status=statuses, name=names, fails=st.booleans())
    def change_everything_at_once(self, chosen: set[int], status: QueueStatus, name: str, fails: bool) -> None:
        values = {"status": status, "name": name, "name_folded": fold(name), "created_at": MAY_2025}
        statement = changing(**values, deleted_at=None, deleted_by_key=None)
        self.apply(fails, chosen, statement, lambda row: {**values, "deleted": False})

    @rule(chosen=some, fails=st.booleans())
    def purge(self, chosen: set[int], fails: bool) -> None:
        statement = delete(Batch).where(Batch.key.in_(bindparam("keys", expanding=True)))
        self.apply(fails, chosen, statement, lambda row: {"purged": True})
        self.rows = [row for row in self.rows if "purged" not in row]

    @invariant()
    def check_finds_no_differences(self) -> None:
        assert list(check.find_all_differences(lambda read: None)) == []

    @invariant()
    def queries_agree_with_the_model(self) -> None:
        for user in self.users:
            state = state_of(user)
            live = [row for row in self.rows if row["owner_key"] == user.key and not row["deleted"]]
            assert dict(state.live) == {status: sum(row["status"] == status for row in live) for status in QueueStatus}
            for search in ("été", "active", "xy", "a"):
                expected = {row["id"] for row in live if search in row["name_folded"] or search in row["status"]}
                page = query.fetch_page(BatchListParameters(search=search, limit=100).to_list_query(state))
                assert ({row.id for row in page.rows}, page.total) == (expected, len(expected))


def changing(**values: Any) -> Any:
    """Return a statement that changes the rows with the given `keys`."""
    return (
        update(Batch)
        .where(Batch.key.in_(bindparam("keys", expanding=True)))
        .values(**values)
        .execution_options(synchronize_session=False)
    )


@pytest.mark.parametrize("name_index", [True, False], ids=["with a name index", "without"])
def test_derived_data_equals_a_full_scan(
    app: Flask, owner: User, stranger: User, name_index: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with app.app_context():
        reinstall(name_index)
        monkeypatch.setitem(app.extensions, "names_indexed", check.has_name_index())
        try:
            machine = type("Machine", (Changes,), {"users": (owner, stranger)})
            run_state_machine_as_test(
                machine, settings=settings(max_examples=20, stateful_step_count=15, deadline=None)
            )
        finally:
            db.session.rollback()
            reinstall(True)


def reinstall(name_index: bool) -> None:
    """Install and rebuild derived data, and close connections with cached statements."""
    with write_transaction() as session:
        derived.install_derived(session.connection(), name_index=name_index)
        derived.rebuild_derived(session.connection())
    db.session.remove()
    db.engine.dispose()


@pytest.fixture
def batch(build: Builder, owner: User) -> Batch:
    """Return a batch among others, with calls that agree with its counts."""
    for name in ("one", "two"):
        build.create_batch(owner, name, status="active")
    batch = build.create_batch(owner, "Marketing", total_calls=2, calls_called=1, calls_picked=1, calls_completed=1)
    build.create_call(batch, status="completed")
    build.create_call(batch)
    return batch


@pytest.fixture
def run(app: Flask) -> Callable[..., Any]:
    """Return a function that runs `batch check`."""
    return lambda *options: app.test_cli_runner().invoke(args=["batch", "check", *options])


DAMAGES = {
    "2 batches are active, but the list counts 7": update(BatchList).values(active=7),
    "counts per time range are wrong": delete(BatchBucket),
    "1 counts per time range": text("UPDATE batch_counts SET active = 9 WHERE bits = 31"),
    "the next batch number is already used": update(BatchList).values(next_number=1),
    "the list is missing": delete(BatchList),
    "has a wrong search name": update(Batch).values(name_folded="other"),
    "has wrong call counts": update(Batch).values(total_calls=3),
}


@pytest.mark.parametrize("message", DAMAGES)
def test_check_finds_differences_and_repair_removes_them(
    app: Flask, run: Callable, owner: User, batch: Batch, message: str
) -> None:
    assert run().output == "No differences found\n"
    with app.app_context():
        before = state_of(owner)
        with write_transaction() as session:
            session.execute(DAMAGES[message])
    checked = run()
    assert checked.exit_code == 1
    assert message in checked.stdout
    assert "Run the command with --repair" in checked.stderr
    repaired = run("--repair")
    assert (repaired.exit_code, repaired.output) == (0, "No differences found\n")
    assert run().exit_code == 0
    with app.app_context():
        after = state_of(owner)
        assert after.live == before.live
        assert after.version != before.version
        assert actions.reserve_keys(db.session, owner.key, 1)[0] > batch.key
        db.session.rollback()


def test_check_finds_a_missing_trigger(app: Flask, run: Callable, batch: Batch) -> None:
    with app.app_context(), write_transaction() as session:
        on = " ON batches" if db.engine.dialect.name == "postgresql" else ""
        session.execute(text(f"DROP TRIGGER batches_changed{on}"))
    assert "The trigger batches_changed is missing" in run().stdout
    assert run("--repair").exit_code == 0


@pytest.mark.parametrize("app", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "damage",
    [
        "INSERT INTO batch_names (batch_names, rowid, name_folded) SELECT 'delete', key, name_folded FROM batches",
        "INSERT INTO batch_names (rowid, name_folded) VALUES (99, 'unknown')",
    ],
    ids=["missing", "unknown"],
)
def test_check_finds_missing_and_unknown_names_in_the_name_index(
    app: Flask, run: Callable, batch: Batch, damage: str
) -> None:
    with app.app_context(), write_transaction() as session:
        session.execute(text(damage))
    assert "The name index differs from the batch names" in run().stdout
    assert run("--repair").exit_code == 0


def test_check_prints_the_first_differences_and_counts_the_rest(
    app: Flask, run: Callable, build: Builder, owner: User
) -> None:
    for _ in range(30):
        build.create_batch(owner, total_calls=1)
    checked = run()
    assert checked.stdout.count("has wrong call counts") == 20
    assert "... and 10 more" in checked.stdout
    assert "30 differences" in checked.stderr


def test_searches_work_on_a_server_without_a_name_index(
    app: Flask, run: Callable, api: Callable, build: Builder, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "supports_name_index", lambda _connection: False)
    monkeypatch.setattr(postgresql, "EXTENSIONS", ("CREATE EXTENSION no_such_extension",))
    app.extensions.pop("names_indexed", None)
    try:
        repaired = run("--repair")
        assert (repaired.exit_code, "This database has no name index" in repaired.stdout) == (0, True)
        build.create_batch(owner, "Marketing ÉTÉ")
        build.create_batch(owner, "other")
        assert [batch["batchName"] for batch in api("?search=été").json["data"]["batches"]] == ["Marketing ÉTÉ"]
    finally:
        monkeypatch.undo()
        app.extensions.pop("names_indexed", None)
        with app.app_context():
            reinstall(True)

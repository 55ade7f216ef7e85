"""What the database keeps beside the rows of `batches`, so that nobody waits for a count or a search.

- `batch_lists`: for each owner, the version of the list and the live batches per status.
- `batch_counts`: the same counts per span of created_at (see `spans`).
- an index of the folded names: FTS5 trigrams on SQLite, a GIN index of trigrams on PostgreSQL. Where the server has
  neither, a search reads the owner's names one after the other.

Triggers of the database keep all of it in the transaction of the change itself, so no way of writing can forget to.
What is special to one engine stands in the module of its name.
"""

from __future__ import annotations

from types import ModuleType

from sqlalchemy import Connection

from portal.batches.derived import postgresql, sqlite
from portal.batches.derived.time_buckets import COARSE_BITS, COUNT_COLUMNS, FINE_BITS, STATUSES


def engine_module(dialect: str) -> ModuleType:
    """The module of a kind of database."""
    return {"sqlite": sqlite, "postgresql": postgresql}[dialect]


def install_derived(connection: Connection, *, name_index: bool = True) -> bool:
    """Set up the triggers and, where the server can and it is wanted, the index of names; anew where they are there.

    Returns whether names have an index now. What the rows so far add up to is for `rebuild`.
    """
    engine = engine_module(connection.dialect.name)
    remove_derived(connection)
    for statement in engine.INSTALL:
        connection.exec_driver_sql(statement)
    return name_index and engine.create_name_index(connection)


def complete_indexes(connection: Connection) -> None:
    """Build what is missing and can be built while the portal goes on: on PostgreSQL, the index of names.

    The connection must not be in a transaction, and is in autocommit afterwards.
    """
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="AUTOCOMMIT")
    engine_module(connection.dialect.name).complete(connection)


def remove_derived(connection: Connection) -> None:
    """Take the triggers and the index of names away."""
    for statement in engine_module(connection.dialect.name).REMOVE:
        connection.exec_driver_sql(statement)


def rebuild_derived(connection: Connection) -> None:
    """Count everything anew from the rows, and fill the index of names."""
    engine = engine_module(connection.dialect.name)
    for statement in (
        count_lists_sql(engine.STAMP),
        "DELETE FROM batch_counts",
        count_buckets_sql(COARSE_BITS),
        count_buckets_sql(FINE_BITS),
    ):
        connection.exec_driver_sql(statement)
    if engine.has_name_index(connection):
        engine.fill_name_index(connection)


def count_lists_sql(stamp: str) -> str:
    """The statement that counts every list's live batches; its version moves, so that nothing found before is kept."""
    counts = ", ".join(
        f"{status} = (SELECT count(*) FROM batches WHERE owner_key = batch_lists.owner_key"
        f" AND deleted_at IS NULL AND status = '{status}')"
        for status in STATUSES
    )
    return f"UPDATE batch_lists SET version = {stamp}, {counts}"


def count_buckets_sql(bits: int) -> str:
    """The statement that counts the live batches of every span of that length."""
    counts = ", ".join(f"count(*) FILTER (WHERE status = '{status}')" for status in STATUSES)
    return (
        f"INSERT INTO batch_counts (owner_key, bits, number, {COUNT_COLUMNS})"
        f" SELECT owner_key, {bits}, created_at >> {bits}, {counts}"
        f" FROM batches WHERE deleted_at IS NULL GROUP BY owner_key, created_at >> {bits}"
    )


def is_name_index_object(name: str | None) -> bool:
    """Whether a table or index of that name belongs to the index of names, which the models do not speak of."""
    return bool(name) and (
        name == "batch_names" or name.startswith("batch_names_") or name == "ix_batches_live_trigrams"
    )

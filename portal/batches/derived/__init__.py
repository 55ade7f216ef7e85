"""Data derived from the rows of `batches`, which makes counts and searches fast.

- `batch_lists`: for each owner, the version of the list and the live batches per status.
- `batch_counts`: the same counts per bucket of created_at (see time_buckets.py).
- An index of the folded names: FTS5 trigrams on SQLite, a GIN index of trigrams on PostgreSQL. On servers with
  neither, a search reads all names of the owner.

Database triggers update all of it in the transaction of the change. The modules sqlite and postgresql hold the SQL of
each engine.
"""

from __future__ import annotations

from types import ModuleType

from sqlalchemy import Connection

from portal.batches.derived import postgresql, sqlite
from portal.batches.derived.time_buckets import COARSE_BITS, COUNT_COLUMNS, FINE_BITS, STATUSES


def engine_module(dialect: str) -> ModuleType:
    """Return the module with the SQL of an engine."""
    return {"sqlite": sqlite, "postgresql": postgresql}[dialect]


def install_derived(connection: Connection, *, name_index: bool = True) -> bool:
    """Create the triggers and, if requested and supported, the name index; replace existing ones.

    Return whether names have an index now. Existing rows are counted by `rebuild_derived`.
    """
    engine = engine_module(connection.dialect.name)
    remove_derived(connection)
    for statement in engine.INSTALL:
        connection.exec_driver_sql(statement)
    return name_index and engine.create_name_index(connection)


def complete_indexes(connection: Connection) -> None:
    """Create the name index on PostgreSQL, if missing, without blocking writers.

    The connection must not be in a transaction, and is in autocommit mode afterwards.
    """
    if connection.dialect.name == "postgresql":
        connection.execution_options(isolation_level="AUTOCOMMIT")
    engine_module(connection.dialect.name).complete_indexes(connection)


def remove_derived(connection: Connection) -> None:
    """Drop the triggers and the name index."""
    for statement in engine_module(connection.dialect.name).REMOVE:
        connection.exec_driver_sql(statement)


def rebuild_derived(connection: Connection) -> None:
    """Recount everything from the rows, and fill the name index."""
    engine = engine_module(connection.dialect.name)
    for statement in (
        count_lists_sql(engine.RANDOM_VERSION),
        "DELETE FROM batch_counts",
        count_buckets_sql(COARSE_BITS),
        count_buckets_sql(FINE_BITS),
    ):
        connection.exec_driver_sql(statement)
    if engine.has_name_index(connection):
        engine.fill_name_index(connection)


def count_lists_sql(version: str) -> str:
    """Return the statement that recounts every list and changes its version, so that caches are not used."""
    counts = ", ".join(
        f"{status} = (SELECT count(*) FROM batches WHERE owner_key = batch_lists.owner_key"
        f" AND deleted_at IS NULL AND status = '{status}')"
        for status in STATUSES
    )
    return f"UPDATE batch_lists SET version = {version}, {counts}"


def count_buckets_sql(bits: int) -> str:
    """Return the statement that counts the live batches of every bucket of a length."""
    counts = ", ".join(f"count(*) FILTER (WHERE status = '{status}')" for status in STATUSES)
    return (
        f"INSERT INTO batch_counts (owner_key, bits, number, {COUNT_COLUMNS})"
        f" SELECT owner_key, {bits}, created_at >> {bits}, {counts}"
        f" FROM batches WHERE deleted_at IS NULL GROUP BY owner_key, created_at >> {bits}"
    )


def is_name_index_object(name: str | None) -> bool:
    """Return whether a table or index belongs to the name index, which the models do not describe."""
    return bool(name) and (
        name == "batch_names" or name.startswith("batch_names_") or name == "ix_batches_live_trigrams"
    )

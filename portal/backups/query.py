"""Queries about the contents of a database before a restore."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, inspect

from portal.backups.schema import PORTAL_TABLES


@dataclass(frozen=True)
class DatabaseContents:
    """The contents of a database.

    `schema` is None if the database has no tables of the portal; `is_foreign` means that it has only other tables.
    """

    schema: str | None
    is_foreign: bool
    accounts: int = 0
    batches: int = 0


def inspect_database(engine: Engine) -> DatabaseContents:
    """Return the contents of a database of any release."""
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        if not tables >= PORTAL_TABLES:
            return DatabaseContents(None, is_foreign=bool(tables - {"alembic_version"}))
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in ("users", "batches")
        ]
        schema = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar()
        return DatabaseContents(schema, False, *counts)

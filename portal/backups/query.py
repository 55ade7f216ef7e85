"""What a database holds, before anything is put in its place."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Engine, inspect

from portal.backups.schema import PORTAL_TABLES


@dataclass(frozen=True)
class DatabaseContents:
    """What a database holds. `schema`: None = no tables of ours. `others`: it has tables, and they are not ours."""

    schema: str | None
    others: bool
    accounts: int = 0
    batches: int = 0


def inspect_database(engine: Engine) -> DatabaseContents:
    """What the engine's database holds, of whatever release."""
    with engine.connect() as connection:
        tables = set(inspect(connection).get_table_names())
        if not tables >= PORTAL_TABLES:
            return DatabaseContents(None, bool(tables - {"alembic_version"}))
        counts = [
            connection.exec_driver_sql(f"SELECT count(*) FROM {table}").scalar_one() for table in ("users", "batches")
        ]
        return DatabaseContents(
            connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar(), False, *counts
        )

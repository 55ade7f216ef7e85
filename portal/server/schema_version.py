"""What is asked of the database about itself."""

from __future__ import annotations

from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from portal.db.outages import find_outage
from portal.db.transactions import fetch
from portal.extensions import db
from portal.version import ROOT

# As Alembic keeps it; asked by Alembic itself it would say two lines in the log each time.
SCHEMA_TABLE = table("alembic_version", column("version_num"))
SCHEMAS = select(SCHEMA_TABLE.c.version_num)


@cache
def list_earlier_schemas() -> frozenset[str]:
    """The schemas that this release knows to be older than its own."""
    script = ScriptDirectory(str(ROOT / "migrations"))
    return frozenset(revision.revision for revision in script.walk_revisions()) - frozenset(script.get_heads())


def is_schema_outdated() -> bool:
    """Whether migrations of this release are still to be run.

    A schema that this release does not know is a newer one, which it can live with (docs/decisions/0010-running.md).
    """
    try:
        found = fetch(SCHEMAS).scalars().all()
    except DBAPIError as error:
        if find_outage(error) or inspect(db.engine).has_table(SCHEMA_TABLE.name):
            raise
        db.session.rollback()
        return True
    return not found or any(revision in list_earlier_schemas() for revision in found)

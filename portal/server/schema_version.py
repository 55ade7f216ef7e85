"""Compare the schema of the database with the migrations of this release."""

from __future__ import annotations

from functools import cache

from alembic.script import ScriptDirectory
from sqlalchemy import column, inspect, select, table
from sqlalchemy.exc import DBAPIError

from portal.db.outages import find_outage
from portal.db.transactions import fetch
from portal.extensions import db
from portal.version import ROOT

# Alembic's own query would write two log lines for each health check.
SCHEMA_TABLE = table("alembic_version", column("version_num"))
SCHEMAS = select(SCHEMA_TABLE.c.version_num)


@cache
def list_earlier_schemas() -> frozenset[str]:
    """Return the schemas that this release knows to be older than its own."""
    script = ScriptDirectory(str(ROOT / "migrations"))
    return frozenset(revision.revision for revision in script.walk_revisions()) - frozenset(script.get_heads())


def is_schema_outdated() -> bool:
    """Return whether migrations of this release have not been run.

    An unknown schema belongs to a newer release, and works with this one (docs/decisions/0010-operations.md).
    """
    try:
        revisions = fetch(SCHEMAS).scalars().all()
    except DBAPIError as error:
        if find_outage(error) or inspect(db.engine).has_table(SCHEMA_TABLE.name):
            raise
        db.session.rollback()
        return True
    return not revisions or any(revision in list_earlier_schemas() for revision in revisions)

"""What is asked of the database about itself."""

from __future__ import annotations

from functools import cache

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from portal.extensions import db
from portal.release import ROOT


@cache
def earlier_schemas() -> frozenset[str]:
    """The schemas that this release knows to be older than its own."""
    script = ScriptDirectory(str(ROOT / "migrations"))
    return frozenset(revision.revision for revision in script.walk_revisions()) - frozenset(script.get_heads())


def schema_is_old() -> bool:
    """Whether migrations of this release are still to be run.

    A schema that this release does not know is a newer one, which it can live with (see docs/decisions).
    """
    found = MigrationContext.configure(db.session.connection()).get_current_heads()
    return not found or any(revision in earlier_schemas() for revision in found)

"""Of which schema a backup or a database is, and whether this release can take it."""

from __future__ import annotations

from functools import cache

import click
from alembic.script import ScriptDirectory

from portal.version import ROOT

# Sign-ins and counts of tries: of the moment, and not to come back. Whoever has signed out stays signed out.
TRANSIENT_TABLES = ("sessions", "counters")

# What the portal's own database has, whatever its release.
PORTAL_TABLES = frozenset(("alembic_version", "users", "batches", "batch_lists", "calls"))


@cache
def known_schemas() -> frozenset[str]:
    """Every schema that this release has a migration to."""
    return frozenset(revision.revision for revision in ScriptDirectory(str(ROOT / "migrations")).walk_revisions())


def refuse_unknown(revision: str | None, whose: str) -> None:
    """Raises click.ClickException where the schema is one that this release does not know, or there is none."""
    if revision is None:
        raise click.ClickException(f"{whose} has no tables")
    if revision not in known_schemas():
        raise click.ClickException(
            f"{whose} is of a newer release (schema {revision}); use that release, or a newer one"
        )


def is_newest(revision: str) -> bool:
    """Whether no migration leads further."""
    return revision in ScriptDirectory(str(ROOT / "migrations")).get_heads()

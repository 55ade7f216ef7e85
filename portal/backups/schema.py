"""Compare the schema of a backup or a database with the schemas that this release knows."""

from __future__ import annotations

from functools import cache

import click
from alembic.script import ScriptDirectory

from portal.version import ROOT

# Backups leave out sessions, rate-limit counts and running dialers, so that a restore does not sign users in again.
TRANSIENT_TABLES = ("sessions", "counters", "dialers")

# The tables of every release of the portal.
PORTAL_TABLES = frozenset(("alembic_version", "users", "batches", "batch_lists", "calls"))


@cache
def known_schemas() -> frozenset[str]:
    """Return every schema that this release has a migration to."""
    return frozenset(revision.revision for revision in ScriptDirectory(str(ROOT / "migrations")).walk_revisions())


def refuse_unknown(revision: str | None, name: str) -> None:
    """Raise click.ClickException if `name`, a file or the database, has no schema or one of a newer release."""
    if revision is None:
        raise click.ClickException(f"{name} has no tables")
    if revision not in known_schemas():
        raise click.ClickException(f"{name} is from a newer release (schema {revision}); use that release, or newer")


def is_newest(revision: str) -> bool:
    """Return whether no migration follows the schema."""
    return revision in ScriptDirectory(str(ROOT / "migrations")).get_heads()

"""Run the migrations on the app's own engine, with the settings that the portal uses."""

import click
from alembic import context
from flask import current_app
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from portal.batches import derived
from portal.cli import describe_error
from portal.db import schema_changes
from portal.db.outages import find_outage
from portal.db.transactions import WRITE_OPTIONS

migrated_db = current_app.extensions["migrate"].db


def run() -> None:
    """Upgrade or downgrade, one process at a time; after an upgrade, build the indexes that are built concurrently."""
    with migrated_db.engine.connect() as connection:
        connection.execution_options(**WRITE_OPTIONS[connection.dialect.name])
        with schema_changes.exclusive_migration(connection):
            schema_changes.retry_when_busy(lambda: migrate(connection), connection)
            if context.get_context().opts["fn"].__name__ == "upgrade":
                derived.complete_indexes(connection)


def migrate(connection: Connection) -> None:
    """Run each migration in its own transaction: a failed one changes nothing, and earlier ones stay committed."""
    context.configure(
        connection=connection,
        target_metadata=migrated_db.metadata,
        compare_type=True,
        include_name=lambda name, _kind, _parents: not derived.is_name_index_object(name),
        transactional_ddl=True,  # also on SQLite, because the engine begins transactions itself (portal/db/engine.py)
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()


try:
    run()
except DBAPIError as error:
    if find_outage(error) is None:  # a migration failed: the stack trace shows where
        raise
    raise click.ClickException(describe_error(error)) from error

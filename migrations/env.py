"""Runs the migrations on the app's own engine, so that they see the database exactly as the portal does."""

import click
from alembic import context
from flask import current_app
from sqlalchemy.exc import InterfaceError, OperationalError

from portal.batches.kept import is_name_index
from portal.commands import plain_words
from portal.database import no_time_limit

target = current_app.extensions["migrate"].db


def run() -> None:
    """Upgrade or downgrade inside one transaction: a migration that fails leaves nothing behind."""
    with target.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection = connection.execution_options(sqlite_begin="IMMEDIATE")
        context.configure(
            connection=connection,
            target_metadata=target.metadata,
            render_as_batch=True,
            compare_type=True,
            include_name=lambda name, _kind, _parents: not is_name_index(name),
            transactional_ddl=True,  # on SQLite too: the engine says BEGIN itself (portal.database)
        )
        with context.begin_transaction():
            no_time_limit(connection)
            context.run_migrations()
        connection.commit()


try:
    run()
except (InterfaceError, OperationalError) as error:  # the database is away: nothing that a stack trace explains
    raise click.ClickException(plain_words(error)) from error

"""Drop the CHECK constraints on vocabularies that grow: audit events, channels and token scopes.

Only widens (expand): the release before this one runs on the new schema. Downgrading adds the constraints again
without checking the stored rows, so that it cannot fail because of a newer word.

SQLite cannot drop a CHECK constraint. Copying `tokens` into a new table would break the foreign keys that refer to it,
so the schema's text is edited as https://www.sqlite.org/lang_altertable.html#otheralter describes. Rows, triggers and
indexes stay as they are.

Revision ID: 0004
"""

import re
from collections.abc import Callable

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

# The names as they are stored: the naming convention was applied to names that already followed it.
CHANNELS = "way IN ('page', 'api', 'command')"
CHECKS = {
    "account_events": {
        "ck_account_events_ck_account_events_way_known": CHANNELS,
        "ck_account_events_ck_account_events_what_known": (
            "what IN ('added', 'changed', 'disabled', 'enabled', 'role', 'password', 'signed-in', 'sign-in-refused',"
            " 'signed-out', 'signed-out-everywhere', 'second-factor-on', 'second-factor-off', 'recovery-codes-made',"
            " 'recovery-code-used', 'identity-linked', 'token-made', 'token-revoked', 'exported')"
        ),
    },
    "changes": {
        "ck_changes_ck_changes_way_known": CHANNELS,
        "ck_changes_ck_changes_what_known": "what IN ('created', 'filled', 'status', 'renamed', 'deleted', 'restored')",
    },
    "tokens": {"ck_tokens_ck_tokens_scopes_known": "scopes IN ('read', 'write', 'read write')"},
}

READ_SQL = sa.text("SELECT sql FROM sqlite_schema WHERE type = 'table' AND name = :table")
WRITE_SQL = sa.text("UPDATE sqlite_schema SET sql = :sql WHERE type = 'table' AND name = :table")


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        edit_sqlite_schema(remove_checks)
        return
    for table, checks in CHECKS.items():
        for name in checks:
            op.drop_constraint(op.f(name), table, type_="check")


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        edit_sqlite_schema(add_checks)
        return
    for table, checks in CHECKS.items():
        for name, condition in checks.items():
            op.create_check_constraint(op.f(name), table, condition, postgresql_not_valid=True)


def edit_sqlite_schema(edit: Callable[[str, str], str]) -> None:
    """Store the CREATE TABLE text that `edit` returns for each table, and have every connection load it."""
    connection = op.get_bind()
    version = connection.exec_driver_sql("PRAGMA schema_version").scalar_one()
    connection.exec_driver_sql("PRAGMA writable_schema = ON")
    for table in CHECKS:
        sql = connection.execute(READ_SQL, {"table": table}).scalar_one()
        connection.execute(WRITE_SQL, {"table": table, "sql": edit(table, sql)})
    connection.exec_driver_sql(f"PRAGMA schema_version = {version + 1}")
    connection.exec_driver_sql("PRAGMA writable_schema = RESET")


def remove_checks(table: str, sql: str) -> str:
    for name, condition in CHECKS[table].items():
        sql, count = re.subn(rf",\s*CONSTRAINT {name} CHECK \({re.escape(condition)}\)", "", sql)
        if count != 1:
            raise RuntimeError(f"table {table} has no constraint {name} as migration 0002 or 0003 wrote it")
    return sql


def add_checks(table: str, sql: str) -> str:
    checks = "".join(f", \n\tCONSTRAINT {name} CHECK ({condition})" for name, condition in CHECKS[table].items())
    body = sql.rstrip().removesuffix(")").rstrip()
    return f"{body}{checks}\n)"

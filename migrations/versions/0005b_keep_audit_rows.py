"""Refuse to delete audit rows: those of accounts always, those of a batch unless the batch itself is purged.

Rows cannot be updated since 0002 and 0003. The release before this one deletes no audit row except with its batch.

Revision ID: 0005b
"""

from alembic import op

revision = "0005b"
down_revision = "0005"
branch_labels = None
depends_on = None

# When a purge deletes a batch, the batch is gone before the foreign key deletes its changes.
CREATE = {
    "sqlite": (
        "CREATE TRIGGER account_events_remain BEFORE DELETE ON account_events"
        " BEGIN SELECT RAISE(ABORT, 'account events are never deleted'); END",
        "CREATE TRIGGER changes_remain BEFORE DELETE ON changes"
        " WHEN EXISTS (SELECT 1 FROM batches WHERE batches.key = OLD.batch_key)"
        " BEGIN SELECT RAISE(ABORT, 'changes are deleted only with their batch'); END",
    ),
    "postgresql": (
        "CREATE FUNCTION account_events_remain() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN RAISE EXCEPTION 'account events are never deleted'; END$$",
        "CREATE TRIGGER account_events_remain BEFORE DELETE ON account_events"
        " FOR EACH ROW EXECUTE FUNCTION account_events_remain()",
        "CREATE TRIGGER account_events_remain_all BEFORE TRUNCATE ON account_events"
        " FOR EACH STATEMENT EXECUTE FUNCTION account_events_remain()",
        "CREATE FUNCTION changes_remain() RETURNS trigger LANGUAGE plpgsql AS"
        " $$BEGIN IF TG_OP = 'TRUNCATE' OR EXISTS (SELECT 1 FROM batches WHERE batches.key = OLD.batch_key) THEN"
        " RAISE EXCEPTION 'changes are deleted only with their batch'; END IF; RETURN OLD; END$$",
        "CREATE TRIGGER changes_remain BEFORE DELETE ON changes FOR EACH ROW EXECUTE FUNCTION changes_remain()",
        "CREATE TRIGGER changes_remain_all BEFORE TRUNCATE ON changes"
        " FOR EACH STATEMENT EXECUTE FUNCTION changes_remain()",
    ),
}
DROP = {
    "sqlite": ("DROP TRIGGER account_events_remain", "DROP TRIGGER changes_remain"),
    "postgresql": (
        "DROP FUNCTION account_events_remain CASCADE",
        "DROP FUNCTION changes_remain CASCADE",
    ),
}


def upgrade() -> None:
    for statement in CREATE[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    for statement in DROP[op.get_bind().dialect.name]:
        op.execute(statement)

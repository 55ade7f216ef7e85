"""Index calls in all orders of lists. Two of the indexes replace shorter ones.

Revision ID: 0016d
"""

from alembic import op

from portal.db.schema_changes import create_index

revision = "0016d"
down_revision = "0016c"
branch_labels = None
depends_on = None

INDEXES = {
    "ix_calls_status": ["batch_key", "status", "number"],
    "ix_calls_phone_number": ["batch_key", "phone_number", "number", "status"],
    "ix_calls_duration": ["batch_key", "duration_seconds", "number", "status"],
    "ix_calls_last_event": ["batch_key", "last_event_at", "number", "status"],
}
REPLACED = {
    "ix_calls_batch_key_status": ["batch_key", "status"],
    "ix_calls_batch_key_phone_number": ["batch_key", "phone_number"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        create_index(name, "calls", columns)
    for name in REPLACED:
        op.drop_index(name, "calls", if_exists=True)


def downgrade() -> None:
    for name, columns in REPLACED.items():
        create_index(name, "calls", columns)
    for name in INDEXES:
        op.drop_index(name, "calls")

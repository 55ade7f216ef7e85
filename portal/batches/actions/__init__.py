"""Change batches. Each action is one transaction and is logged in it."""

from portal.batches.actions.importing import ImportResult, import_history
from portal.batches.actions.inserting import (
    call_row,
    insert_batches,
    insert_calls,
    lock_batch_list,
    record_created,
    reserve_keys,
    update_counts,
)
from portal.batches.actions.lifecycle import (
    CreatedBatch,
    change_batch,
    change_status,
    complete_if_done,
    create_batch,
    delete_batch,
    duplicate_batch,
    purge_batch,
    rename_batch,
    restore_batch,
    start_scheduled_batches,
)
from portal.batches.actions.repairing import repair_derived

__all__ = [
    "CreatedBatch",
    "ImportResult",
    "call_row",
    "change_batch",
    "change_status",
    "complete_if_done",
    "create_batch",
    "delete_batch",
    "duplicate_batch",
    "import_history",
    "insert_batches",
    "insert_calls",
    "lock_batch_list",
    "purge_batch",
    "record_created",
    "rename_batch",
    "repair_derived",
    "reserve_keys",
    "restore_batch",
    "start_scheduled_batches",
    "update_counts",
]

"""The one place that changes batches; each action is one transaction."""

from portal.batches.actions.importing import ImportResult, import_history
from portal.batches.actions.inserting import (
    BatchImport,
    insert_batch_imports,
    insert_batches,
    insert_calls,
    lock_batch_list,
    reserve_keys,
)
from portal.batches.actions.lifecycle import (
    CreatedBatch,
    change_status,
    complete_batch,
    create_batch,
    delete_batch,
    duplicate_batch,
    purge_batches,
    rename_batch,
    restore_batch,
)
from portal.batches.actions.repairing import repair_derived

__all__ = [
    "BatchImport",
    "CreatedBatch",
    "ImportResult",
    "change_status",
    "complete_batch",
    "create_batch",
    "delete_batch",
    "duplicate_batch",
    "import_history",
    "insert_batch_imports",
    "insert_batches",
    "insert_calls",
    "lock_batch_list",
    "purge_batches",
    "rename_batch",
    "repair_derived",
    "reserve_keys",
    "restore_batch",
]

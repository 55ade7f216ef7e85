"""The one place that changes batches; each action is one transaction."""

from portal.batches.actions.filling import Filled, add_filled_batches, insert_batches, insert_calls, lock_list, new_keys
from portal.batches.actions.importing import Imported, import_history
from portal.batches.actions.lifecycle import (
    Made,
    complete,
    create_batch,
    delete_batch,
    duplicate_batch,
    move_batch,
    purge,
    rename_batch,
    restore_batch,
)
from portal.batches.actions.repairing import repair

__all__ = [
    "Filled",
    "Imported",
    "Made",
    "add_filled_batches",
    "complete",
    "create_batch",
    "delete_batch",
    "duplicate_batch",
    "import_history",
    "insert_batches",
    "insert_calls",
    "lock_list",
    "move_batch",
    "new_keys",
    "purge",
    "rename_batch",
    "repair",
    "restore_batch",
]

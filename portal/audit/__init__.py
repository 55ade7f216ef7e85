"""The audit log: who did what to accounts and batches, written in the transaction of the change."""

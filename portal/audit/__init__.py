"""The audit log: changes of accounts and batches, written in the transaction of the change."""

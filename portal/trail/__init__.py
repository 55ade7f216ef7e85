"""The audit trail: what was done to accounts, beside what was done to batches."""

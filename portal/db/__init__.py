"""The database connection: engines, transactions, outages, locks and schema changes."""

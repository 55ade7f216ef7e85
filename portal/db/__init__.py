"""Everything about the database itself: engines, transactions, outages, locks and schema changes."""

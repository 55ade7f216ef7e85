"""Counts that every worker and web node shares, by way of the database."""

"""Trunks and caller numbers: over which lines and from which numbers an account calls."""

"""Leases: the interface through which outside dialers take calls."""

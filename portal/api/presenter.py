"""Stub."""
def documentation_view(d): return d

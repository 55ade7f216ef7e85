"""Callbacks of telephone providers."""

"""Limits on the rate and the size of requests."""

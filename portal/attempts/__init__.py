"""Attempts: the tries to reach the contact of a call."""

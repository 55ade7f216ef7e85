"""Derived data, compared with the rows that they come from."""

from __future__ import annotations

from flask import Flask

from portal.batches.derived import check


def is_consistent(app: Flask) -> bool:
    """Return whether all derived data agree with the rows."""
    with app.app_context():
        return not list(check.find_all_differences(lambda _count: None))

"""Backups: everything in the database as of one moment, in one file; a module for each engine.

Each engine's module has the same functions, and raises BackupError with a plain line for the person:
`save(url, path)`; `look(path)`, which returns what is in a file; `is_empty(url)`; and `load(path, url)`, which is one
step: until its end everybody sees what was there before, and where it fails they go on seeing it.
"""

from __future__ import annotations

from dataclasses import dataclass

import click


class BackupError(click.ClickException):
    """A backup cannot be made, or not be used; the message is a plain line for a person."""


@dataclass(frozen=True)
class Contents:
    """What a backup holds: the revision of its schema."""

    revision: str

"""Map database errors to kinds of outage."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout


class Outage(StrEnum):
    """A problem of the database itself, independent of the statement."""

    UNAVAILABLE = "unavailable"
    SLOW = "slow"
    READ_ONLY = "read-only"
    FULL = "full"


# By SQLSTATE and by SQLite's primary result code. Other operational errors count as UNAVAILABLE.
OUTAGE_CODES: dict[str | int, Outage] = {
    "53100": Outage.FULL,
    "25006": Outage.READ_ONLY,
    "57014": Outage.SLOW,
    sqlite3.SQLITE_FULL: Outage.FULL,
    sqlite3.SQLITE_READONLY: Outage.READ_ONLY,
    sqlite3.SQLITE_INTERRUPT: Outage.SLOW,
}


def find_outage(error: Exception) -> Outage | None:
    """Return the kind of outage behind an error, or None if the statement is at fault."""
    if isinstance(error, PoolTimeout):
        return Outage.UNAVAILABLE
    if not isinstance(error, DBAPIError):
        return None
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    code = getattr(error.orig, "sqlstate", None) or (sqlite_code & 0xFF if sqlite_code else None)
    if code in OUTAGE_CODES:
        return OUTAGE_CODES[code]
    is_operational = isinstance(error, OperationalError | InterfaceError) and code != sqlite3.SQLITE_ERROR
    return Outage.UNAVAILABLE if is_operational else None

"""What can be out of order with a database, told from what is wrong with a statement."""

from __future__ import annotations

import sqlite3
from enum import StrEnum

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionFree


class Outage(StrEnum):
    """What can be out of order with a database, whatever was asked of it."""

    AWAY = "away"
    SLOW = "slow"
    READ_ONLY = "read-only"
    FULL = "full"


# By SQLSTATE, and by SQLite's primary result codes; what else is operational counts as away.
OUTAGE_CODES: dict[str | int, Outage] = {
    "53100": Outage.FULL,
    "25006": Outage.READ_ONLY,
    "57014": Outage.SLOW,
    sqlite3.SQLITE_FULL: Outage.FULL,
    sqlite3.SQLITE_READONLY: Outage.READ_ONLY,
    sqlite3.SQLITE_INTERRUPT: Outage.SLOW,
}


def find_outage(error: Exception) -> Outage | None:
    """What is out of order with the database itself; None where it is the statement."""
    if isinstance(error, NoConnectionFree):
        return Outage.AWAY
    if not isinstance(error, DBAPIError):
        return None
    sqlite_code = getattr(error.orig, "sqlite_errorcode", None)
    code = getattr(error.orig, "sqlstate", None) or (sqlite_code & 0xFF if sqlite_code else None)
    if code in OUTAGE_CODES:
        return OUTAGE_CODES[code]
    operational = isinstance(error, OperationalError | InterfaceError) and code != sqlite3.SQLITE_ERROR
    return Outage.AWAY if operational else None

"""What all tables share: constraint names, and column types that behave the same on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import BigInteger, CheckConstraint, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase

# On SQLite only a column declared INTEGER is the row id.
Key = BigInteger().with_variant(Integer(), "sqlite")

# All rows of one owner share a range of keys: the owner's key is the high half, a number that counts up the low half.
# SQLite's full-text index knows only row ids; the range limits a search to one owner.
OWNER_SHIFT = 32

# Milliseconds since 1970-01-01T00:00:00Z, as in the API.
Millis = BigInteger()

# 24 lower-case hexadecimal characters, compared by byte regardless of the server's locale.
PublicId = String(24).with_variant(String(24, collation="C"), "postgresql")


def SortableText(length: int) -> String:
    """Return a text type that is ordered by code point on both databases."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def vocabulary_check(column: str, words: Iterable[str], name: str) -> CheckConstraint:
    """Return a constraint that limits `column` to `words`; only for vocabularies that do not grow."""
    values = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({values})", name=name)


class Base(DeclarativeBase):
    """The declarative base. It names every constraint, so that migrations can refer to it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

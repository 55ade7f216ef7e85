"""What every table has in common: names of constraints, and column types that mean the same on both databases."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import Self

from sqlalchemy import BigInteger, CheckConstraint, Integer, MetaData, String
from sqlalchemy.orm import DeclarativeBase

# SQLite makes only a column declared INTEGER the row's own number.
Key = BigInteger().with_variant(Integer(), "sqlite")

# The rows of one owner stand in one range of keys: the owner's key in the high half, a number that counts up in the
# low half. A search index that knows only row numbers (SQLite's) can then be asked for one owner's rows alone.
OWNER_SHIFT = 32

# Milliseconds since 1970-01-01T00:00:00Z: exactly what the API shows, ordered and compared alike on both databases.
Millis = BigInteger()

# 24 lower-case hex characters. Byte order on both databases, whatever the server's locale.
PublicId = String(24).with_variant(String(24, collation="C"), "postgresql")


class LabeledEnum(StrEnum):
    """A closed set of stored words, each with the label that pages show."""

    label: str

    def __new__(cls, value: str, label: str) -> Self:
        """Create a member from its value and its label."""
        member = str.__new__(cls, value)
        member._value_, member.label = value, label
        return member


def SortableText(length: int) -> String:
    """Text ordered by code point on both databases."""
    return String(length).with_variant(String(length, collation="C"), "postgresql")


def vocabulary_check(column: str, words: Iterable[str], name: str) -> CheckConstraint:
    """A constraint that keeps `column` to a closed set of words."""
    listed = ", ".join(f"'{word}'" for word in words)
    return CheckConstraint(f"{column} IN ({listed})", name=name)


class Base(DeclarativeBase):
    """The declarative base; names every constraint, so that migrations can speak of it on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )

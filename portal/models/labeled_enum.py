"""Enums whose members have labels and other properties."""

from __future__ import annotations

from enum import StrEnum
from inspect import get_annotations
from typing import Any, Self


class LabeledEnum(StrEnum):
    """A vocabulary whose members have the label that pages and commands show: `ADMIN = "admin", "Admin"`.

    The values after the label become the properties that the subclass annotates, in that order.
    """

    label: str

    def __new__(cls, value: str, label: str, *properties: Any) -> Self:
        """Create a member from its value, its label and its properties."""
        member = str.__new__(cls, value)
        member._value_, member.label = value, label
        for name, content in zip(get_annotations(cls), properties, strict=True):
            setattr(member, name, content)
        return member

    @classmethod
    def label_of(cls, word: str) -> str:
        """Return the label of a stored word, or the word itself if only a newer release knows it."""
        return cls(word).label if word in set(cls) else word

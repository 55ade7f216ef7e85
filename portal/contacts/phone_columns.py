"""Recognize the column of phone numbers by its name."""

from __future__ import annotations

import re
from collections.abc import Iterable

SEPARATORS = re.compile(r"[\s_.-]+")
PHONE_COLUMN_NAMES = (  # in lower case without separators, the likeliest first
    *("phonenumber", "phone", "phoneno", "number", "mobilenumber", "mobilephone", "mobile", "cellphone"),
    *("cellnumber", "cell", "telephonenumber", "telephone", "telno", "tel", "msisdn"),
)


def find_phone_column(header: Iterable[str]) -> str | None:
    """Return the column of phone numbers by its name, or None."""
    columns: dict[str, str] = {}
    for name in header:
        columns.setdefault(SEPARATORS.sub("", name).casefold(), name)
    return next((columns[name] for name in PHONE_COLUMN_NAMES if name in columns), None)

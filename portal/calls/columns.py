"""What is written into a call beside what it came with."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.text import fold


def search_text(phone_number: str, fields: Mapping[str, Any]) -> str:
    """What a search of calls looks at: the number and the values of the row's own fields, folded, a line each."""
    return "\n".join([phone_number, *(fold(str(value)) for value in fields.values())])

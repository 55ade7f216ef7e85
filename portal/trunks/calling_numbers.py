"""The numbers from which a batch calls, as it stores them: phone numbers in E.164, in the order of their rotation.

See docs/decisions/0016-trunks-and-do-not-call-lists.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from portal.ids import parse_id
from portal.trunks import query
from portal.web.parameters import InvalidParameter

NAME = "callingNumbers"


def with_phone_numbers(owner_key: int, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings with phone numbers, each once, in place of ids of caller numbers. Raises InvalidParameter."""
    if NAME not in settings:
        return dict(settings)
    sent = settings[NAME]
    known = query.find_phone_numbers(owner_key, filter(parse_id, sent))
    numbers = [known.get(item, "") if parse_id(item) else item for item in sent]
    if "" in numbers:
        path = f"{NAME}[{numbers.index('')}]"
        raise InvalidParameter({path: f"{path} must be the id of one of your caller numbers, or a phone number"})
    return {**settings, NAME: list(dict.fromkeys(numbers))}


def choose_calling_number(numbers: Sequence[str], call_key: int, refused: Sequence[str] = ()) -> str | None:
    """Return the number from which a call is made; None if all are refused.

    Successive calls use the numbers in turn. A retry uses the same number, unless a carrier has refused it; then it
    uses the next one.
    """
    start = call_key % len(numbers) if numbers else 0
    in_turn = [*numbers[start:], *numbers[:start]]
    return next((number for number in in_turn if number not in refused), None)

"""The rotation of the numbers of a batch."""

from __future__ import annotations

from collections import Counter

from portal.trunks.calling_numbers import choose_calling_number

NUMBERS = ["+12025550100", "+12025550101", "+12025550102"]


def test_numbers_are_used_in_turn_and_a_retry_keeps_its_number() -> None:
    chosen = [choose_calling_number(NUMBERS, key) for key in range(300, 600)]
    assert set(Counter(chosen).values()) == {100}
    assert len(set(chosen[:3])) == 3
    assert chosen[0] == choose_calling_number(NUMBERS, 300)


def test_a_refused_number_is_replaced_by_the_next() -> None:
    first = choose_calling_number(NUMBERS, 1)
    second = choose_calling_number(NUMBERS, 1, [first])
    third = choose_calling_number(NUMBERS, 1, [first, second])
    assert {first, second, third} == set(NUMBERS)
    assert choose_calling_number(NUMBERS, 1, NUMBERS) is None
    assert choose_calling_number([], 1) is None

"""The test of difference: silent about noise, loud about a shift."""

from __future__ import annotations

import random

import pytest

from tests.support.mann_whitney import mann_whitney


def test_known_values() -> None:
    """By hand: U = 0 of a mean of 12.5; and with ties, U = 5 of a mean of 8 and a variance of 10."""
    assert mann_whitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(0.0121859, abs=1e-6)
    assert mann_whitney([1, 1, 2, 2], [1, 2, 2, 3]) == pytest.approx(0.4291953, abs=1e-6)


def test_equal_sets_do_not_differ() -> None:
    assert mann_whitney([5.0] * 30, [5.0] * 30) == 1.0
    values = [float(value) for value in range(100)]
    assert mann_whitney(values, values) == pytest.approx(1.0)


def test_a_shift_of_a_third_of_the_noise_is_seen_in_a_thousand() -> None:
    rng = random.Random(1)
    first = [rng.gauss(100, 3) for _ in range(1000)]
    assert mann_whitney(first, [value + 1 for value in first]) < 0.001

"""The Mann-Whitney U test: no difference for noise, a difference for a shift."""

from __future__ import annotations

import random

import pytest

from tests.support.mann_whitney import mann_whitney


def test_known_values() -> None:
    """Calculated by hand: U = 0 with a mean of 12.5; and with ties, U = 5 with a mean of 8 and a variance of 10."""
    assert mann_whitney([1, 2, 3, 4, 5], [6, 7, 8, 9, 10]) == pytest.approx(0.0121859, abs=1e-6)
    assert mann_whitney([1, 1, 2, 2], [1, 2, 2, 3]) == pytest.approx(0.4291953, abs=1e-6)


def test_equal_sets_do_not_differ() -> None:
    assert mann_whitney([5.0] * 30, [5.0] * 30) == 1.0
    values = [float(value) for value in range(100)]
    assert mann_whitney(values, values) == pytest.approx(1.0)


def test_a_small_shift_is_detected_in_a_thousand_values() -> None:
    rng = random.Random(1)
    first = [rng.gauss(100, 3) for _ in range(1000)]
    assert mann_whitney(first, [value + 1 for value in first]) < 0.001

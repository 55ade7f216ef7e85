"""The Mann-Whitney U test: whether two samples differ by more than noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p-value of the Mann-Whitney U test, by its normal approximation with tie correction.

    That is the probability of a difference this large if both samples have the same source; use about 20 values or more
    per sample.
    """
    count, other = len(first), len(second)
    ranked = sorted([(value, True) for value in first] + [(value, False) for value in second])
    ranks, ties, at = 0.0, 0, 0
    while at < len(ranked):
        end = at
        while end < len(ranked) and ranked[end][0] == ranked[at][0]:
            end += 1
        same = end - at
        ranks += sum(is_first for _, is_first in ranked[at:end]) * (at + 1 + end) / 2
        ties += same**3 - same
        at = end
    total = count + other
    mean = count * other / 2
    variance = count * other / 12 * (total + 1 - ties / (total * (total - 1)))
    if variance <= 0:
        return 1.0
    distance = abs(ranks - count * (count + 1) / 2 - mean)
    return 2 * (1 - NormalDist().cdf(max(distance - 0.5, 0) / math.sqrt(variance)))

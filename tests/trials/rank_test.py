"""Whether two sets of times differ, said so that noise does not count."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """The two-sided p-value of the Mann-Whitney U test, by its normal approximation, ties counted half.

    How likely a difference as great as this would be, if both came from the same source; for some 20 values a side or
    more.
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

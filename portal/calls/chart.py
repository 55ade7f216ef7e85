"""The line of calls picked up over time: the same figures for a drawing and for a table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# The drawing's own units; the page stretches it.
WIDTH, HEIGHT = 480, 96
HEADROOM = 6


@dataclass(frozen=True)
class ChartPart:
    """One part of the time: from and until when (milliseconds), how many were picked up in it, and where it stands."""

    begins: int
    ends: int
    count: int
    x: float
    y: float


@dataclass(frozen=True)
class Chart:
    """All parts, in order, and the most that one of them holds."""

    parts: list[ChartPart]
    most: int

    @property
    def line(self) -> str:
        """The line as the points of an SVG polyline."""
        return " ".join(f"{part.x:g},{part.y:g}" for part in self.parts)

    @property
    def area(self) -> str:
        """The line and the ground below it, as the points of a polygon."""
        return f"{self.parts[0].x:g},{HEIGHT} {self.line} {self.parts[-1].x:g},{HEIGHT}"


def picked_up_chart(first: int, last: int, counts: Mapping[int, int], parts: int) -> Chart | None:
    """The chart of calls picked up from the first to the last moment, counted in so many parts; None of nothing."""
    if not counts:
        return None
    most = max(counts.values())
    span = last - first + 1
    found = []
    for number in range(parts):
        count = counts.get(number, 0)
        x = round((number + 0.5) * WIDTH / parts, 1)
        y = round(HEIGHT - (HEIGHT - HEADROOM) * count / most, 1)
        found.append(ChartPart(first + number * span // parts, first + (number + 1) * span // parts, count, x, y))
    return Chart(found, most)

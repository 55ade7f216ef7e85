"""The line chart of calls picked up over time. The drawing and its table show the same figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

# In SVG user units; the page stretches the drawing.
WIDTH, HEIGHT = 480, 96
HEADROOM = 6


@dataclass(frozen=True)
class ChartPart:
    """One interval: its start and end (milliseconds), the calls picked up in it, and its point in the drawing."""

    begins: int
    ends: int
    count: int
    x: float
    y: float


@dataclass(frozen=True)
class Chart:
    """The intervals in order, and the highest count of one interval."""

    parts: list[ChartPart]
    most: int

    @property
    def line(self) -> str:
        """The points of an SVG polyline."""
        return " ".join(f"{part.x:g},{part.y:g}" for part in self.parts)

    @property
    def area(self) -> str:
        """The points of an SVG polygon that fills the area below the line."""
        return f"{self.parts[0].x:g},{HEIGHT} {self.line} {self.parts[-1].x:g},{HEIGHT}"


def picked_up_chart(first: int, last: int, counts: Mapping[int, int], parts: int) -> Chart | None:
    """Return the chart between two times (ms) from the counts by interval number, or None without any calls."""
    if not counts:
        return None
    most = max(counts.values())
    span = last - first + 1
    chart_parts = []
    for number in range(parts):
        count = counts.get(number, 0)
        x = round((number + 0.5) * WIDTH / parts, 1)
        y = round(HEIGHT - (HEIGHT - HEADROOM) * count / most, 1)
        chart_parts.append(ChartPart(first + number * span // parts, first + (number + 1) * span // parts, count, x, y))
    return Chart(chart_parts, most)

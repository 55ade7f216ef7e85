"""The line chart of calls picked up over time. The drawing and its table show the same figures."""

from __future__ import annotations

from dataclasses import dataclass

from portal.calls.query.counts import AnswerCounts

# In SVG user units; the page stretches the drawing.
WIDTH, HEIGHT = 480, 96
HEADROOM = 6
MIN_PARTS = 12


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


def picked_up_chart(answers: AnswerCounts | None) -> Chart | None:
    """Return the chart of the calls picked up, or None without any; a short one begins with empty intervals."""
    if answers is None:
        return None
    most = max(answers.counts.values())
    first = min(answers.first, answers.last - MIN_PARTS + 1)
    parts = answers.last - first + 1
    chart_parts = []
    for index in range(parts):
        count = answers.counts.get(first + index, 0)
        x = round((index + 0.5) * WIDTH / parts, 1)
        y = round(HEIGHT - (HEIGHT - HEADROOM) * count / most, 1)
        begins = (first + index) * answers.length
        chart_parts.append(ChartPart(begins, begins + answers.length, count, x, y))
    return Chart(chart_parts, most)

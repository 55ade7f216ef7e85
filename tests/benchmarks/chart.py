"""The growth curves as an SVG chart, drawn without a library: one panel per engine, both axes logarithmic."""

from __future__ import annotations

from html import escape
from math import log10

from tests.benchmarks.goals import PLAIN, PORTAL, Results
from tests.benchmarks.report import ENGINES

CURVES = (
    (PORTAL, "page 1", "portal, page 1", "own"),
    (PORTAL, "last page", "portal, last page", "own dashed"),
    (PORTAL, "few hits", "portal, few hits", "own dotted"),
    (PLAIN, "page 1", "Flask-SQLAlchemy, page 1", "peer"),
    (PLAIN, "last page", "Flask-SQLAlchemy, last page", "peer dashed"),
    (PLAIN, "few hits", "Flask-SQLAlchemy, few hits", "peer dotted"),
)
WIDTH, HEIGHT, LEFT, TOP = 380, 250, 64, 40
MIN_MS, MAX_MS = 0.3, 1000

STYLE = """
    text { font: 12px system-ui, sans-serif; fill: #3b434b }
    .title { font-weight: 600; font-size: 14px }
    .grid { stroke: #dfe3e6; stroke-width: 1 }
    path { fill: none; stroke-width: 2.5 }
    .own { stroke: #0f6e62 } .peer { stroke: #b0572a }
    .dashed { stroke-dasharray: 7 4 } .dotted { stroke-dasharray: 2 4 }
    @media (prefers-color-scheme: dark) {
      text { fill: #c3ccd4 } .grid { stroke: #2d343a } .own { stroke: #46c9b4 } .peer { stroke: #e59a68 }
    }
"""


def draw(engines: list[Results]) -> str:
    """Return the chart as SVG; the tables contain the same figures."""
    panels = "".join(panel(results, index) for index, results in enumerate(engines))
    width = len(engines) * (WIDTH + LEFT + 40)
    height = TOP + HEIGHT + 40 + 22 * ((len(CURVES) + 1) // 2)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img"'
        f' aria-label="Duration of a list request by the number of a user\'s batches">'
        f"<style>{STYLE}</style>{panels}{legend()}</svg>\n"
    )


def panel(results: Results, index: int) -> str:
    """Draw one engine's curves."""
    left = LEFT + index * (WIDTH + LEFT + 40)
    parts = [f'<text class="title" x="{left}" y="22">{ENGINES[results.engine]}</text>']
    for ms in (1, 10, 100, 1000):
        y = y_of(ms)
        parts.append(f'<line class="grid" x1="{left}" x2="{left + WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(f'<text x="{left - 8}" y="{y + 4:.1f}" text-anchor="end">{ms:,} ms</text>')
    for size in results.sizes:
        x = left + x_of(size, results.sizes)
        parts.append(f'<text x="{x:.1f}" y="{TOP + HEIGHT + 20}" text-anchor="middle">{size:,}</text>')
    for system, kind, _words, style in CURVES:
        parts.append(curve(results, left, system, kind, style))
    return "".join(parts)


def curve(results: Results, left: int, system: str, kind: str, style: str) -> str:
    """Draw one kind of request of one system."""
    points = [(size, results.time(system, kind, size)) for size in results.sizes]
    drawn = [f"{left + x_of(size, results.sizes):.1f} {y_of(taken * 1e3):.1f}" for size, taken in points if taken]
    return f'<path class="{style}" d="M{"L".join(drawn)}"/>' if drawn else ""


def x_of(size: int, sizes: list[int]) -> float:
    """Return the distance from the left edge of the panel."""
    return WIDTH * log10(size / sizes[0]) / log10(sizes[-1] / sizes[0])


def y_of(ms: float) -> float:
    """Return the distance from the top of the chart."""
    return TOP + HEIGHT * (1 - log10(max(ms, MIN_MS) / MIN_MS) / log10(MAX_MS / MIN_MS))


def legend() -> str:
    """Draw the legend."""
    parts = []
    for index, (_contender, _kind, label, style) in enumerate(CURVES):
        x, y = LEFT + index // 3 * 260, TOP + HEIGHT + 52 + index % 3 * 22
        parts.append(f'<path class="{style}" d="M{x} {y}h34"/><text x="{x + 44}" y="{y + 4}">{escape(label)}</text>')
    return "".join(parts)

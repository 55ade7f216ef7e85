"""Metrics of dialing. Dialers run beside the server or on other machines, and store what they count in their rows.

So /metrics shows the same values of all dialers and trunks on every node.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from sqlalchemy.exc import SQLAlchemyError

from portal.db.outages import find_outage
from portal.dialing.dialers import query
from portal.telemetry.metrics import portal_registry
from portal.times import now_ms

# The counters of a dialer by the names of their metrics; each has one label or none.
DIALER_COUNTERS = ("portal_placements", "portal_attempts_ended", "portal_attempts_lost", "portal_engine_events")

Counts = dict[str, dict[str, float]]  # by metric and value of the label


def read_counts() -> Counts:
    """Return what this process has counted, to be stored in its row."""
    counts: Counts = {name: {} for name in DIALER_COUNTERS}
    for metric in portal_registry.collect():
        if metric.name in counts:
            totals = [sample for sample in metric.samples if sample.name.endswith("_total")]
            counts[metric.name] = {"".join(sample.labels.values()): sample.value for sample in totals}
    return counts


def collect_dialing(counted: Iterable[Metric]) -> Iterator[Metric]:
    """Yield the metrics of this server with those of the dialers, and the gauges of dialing.

    During an outage of the database, only those of this server are known.
    """
    try:
        now = now_ms()
        dialers, trunks, due = query.list_dialers(now), query.measure_trunks(), query.count_due(now)
    except SQLAlchemyError as error:
        if not find_outage(error):
            raise
        yield from counted
        return
    for metric in counted:
        if metric.name in DIALER_COUNTERS:
            for dialer in dialers:
                add_counts(metric, dialer)
        yield metric
    yield from measure_lines(trunks, now)
    yield GaugeMetricFamily("portal_dialers", "Running dialers.", len(dialers))
    yield GaugeMetricFamily("portal_due_calls", f"Calls to be placed now, at most {query.MAX_DUE}.", due)


def add_counts(metric: Metric, dialer: Any) -> None:
    """Add the counts of a dialer to a metric, with the dialer's name as another label."""
    label = LABELS.get(metric.name)
    for value, count in dialer.counts.get(metric.name, {}).items():
        labels = {label: value} if label else {}
        metric.add_sample(f"{metric.name}_total", labels | {"dialer": dialer.worker}, count)


LABELS = {"portal_placements": "result", "portal_attempts_ended": "outcome"}


def measure_lines(trunks: Iterable[Any], now: int) -> Iterator[Metric]:
    """Yield the lines of trunks, and for how long the engines of those with work have been silent."""
    lines = GaugeMetricFamily("portal_trunk_lines", "Lines of a trunk.", labels=["trunk"])
    in_use = GaugeMetricFamily("portal_trunk_lines_in_use", "Calls on the lines of a trunk.", labels=["trunk"])
    silence = GaugeMetricFamily(
        "portal_engine_silence_seconds", "Seconds since the engine of a trunk with work was heard.", labels=["trunk"]
    )
    for trunk in trunks:
        lines.add_metric([trunk.id], trunk.lines)
        in_use.add_metric([trunk.id], trunk.in_use)
        if trunk.has_work:
            heard_at = trunk.heard_at if trunk.heard_at is not None else trunk.created_at
            silence.add_metric([trunk.id], max(0, now - heard_at) / 1000)
    yield from (lines, in_use, silence)

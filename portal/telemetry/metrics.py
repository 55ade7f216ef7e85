"""Metrics for Prometheus, by route. Labels never contain paths or users.

Under gunicorn each worker counts in its own files (PROMETHEUS_MULTIPROC_DIR, see gunicorn.conf.py). The worker that
answers /metrics adds up all files.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import InfoMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from portal.version import RELEASE, VERSION

FOLDER_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
BUCKETS_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CACHE_SIZE = 2000  # combinations of route, method and status

portal_registry = CollectorRegistry()

http_requests = Counter(
    "portal_requests", "Completed requests.", ["method", "route", "status"], registry=portal_registry
)
http_request_seconds = Histogram(
    "portal_request_seconds",
    "Seconds from the arrival of a request to its response headers.",
    ["route"],
    buckets=BUCKETS_SECONDS,
    registry=portal_registry,
)
http_requests_in_flight = Gauge(
    "portal_requests_in_flight", "Requests in progress.", multiprocess_mode="livesum", registry=portal_registry
)
database_errors = Counter(
    "portal_database_errors", "Requests that failed because of the database.", ["kind"], registry=portal_registry
)
sign_ins_refused = Counter("portal_sign_ins_refused", "Refused sign-ins.", ["reason"], registry=portal_registry)
rate_limited = Counter("portal_rate_limited", "Requests refused by a rate limit.", ["by"], registry=portal_registry)

# What the portal's dialers do (portal/telemetry/dialing_metrics.py), and in the server the reports of other dialers.
placements = Counter("portal_placements", "Calls given to engines.", ["result"], registry=portal_registry)
attempts_ended = Counter("portal_attempts_ended", "Ended attempts.", ["outcome"], registry=portal_registry)
attempts_lost = Counter("portal_attempts_lost", "Attempts without a known outcome.", registry=portal_registry)
engine_events = Counter("portal_engine_events", "Events heard from engines.", registry=portal_registry)


def count_end(outcome: str, *, lost: bool) -> None:
    """Count an attempt of a dialer that has ended."""
    attempts_ended.labels(outcome).inc()
    attempts_lost.inc(lost)


@lru_cache(maxsize=CACHE_SIZE)
def request_metrics(method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
    """Return the functions that count and time a response. Unknown methods are `other`, to limit the labels."""
    label = method if method in METHODS else "other"
    return http_requests.labels(label, route, str(status)).inc, http_request_seconds.labels(route).observe


def count_in_flight(wsgi_app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """Wrap the WSGI app so that requests in progress are counted."""

    def counted(environ: Any, start_response: Any) -> Iterable[bytes]:
        http_requests_in_flight.inc()
        try:
            return wsgi_app(environ, start_response)
        finally:
            http_requests_in_flight.dec()

    return counted


class FunctionCollector(Collector):
    """Collect what a function returns."""

    def __init__(self, collect: Callable[[], Iterable[Metric]]) -> None:
        self.collect = collect  # type: ignore[method-assign]


class ReleaseCollector(Collector):
    """Collect the release of the portal."""

    def collect(self) -> Iterator[Metric]:
        """Yield one metric."""
        release = {"version": VERSION, "release": RELEASE, "python": platform.python_version()}
        yield InfoMetricFamily("portal", "The release of the portal.", value=release)


class ServerProcessCollector(Collector):
    """Collect CPU time, memory and open files of each process of this server, by process id."""

    def collect(self) -> Iterator[Metric]:
        """Yield each metric with one sample per process."""
        families: dict[str, Metric] = {}
        for pid in process_ids():
            for metric in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():
                family = families.setdefault(metric.name, Metric(metric.name, metric.documentation, metric.type))
                for sample in metric.samples:
                    family.add_sample(sample.name, {"pid": str(pid)}, sample.value)
        yield from families.values()


def process_ids() -> list[int]:
    """Return the ids of the running processes of this server. gunicorn.conf.py removes the gauges of ended workers."""
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return [os.getpid()]
    return sorted(int(path.stem.rpartition("_")[2]) for path in Path(folder).glob("gauge_livesum_*.db"))


def render_metrics(collect_more: Callable[[Iterable[Metric]], Iterable[Metric]] = iter) -> bytes:
    """Return all metrics in Prometheus's text format. `collect_more` extends those that this server has counted."""
    registry = CollectorRegistry()
    counted = MultiProcessCollector(None) if os.environ.get(FOLDER_VARIABLE) else portal_registry
    registry.register(FunctionCollector(lambda: collect_more(counted.collect())))
    registry.register(ReleaseCollector())
    registry.register(ServerProcessCollector())
    return generate_latest(registry)

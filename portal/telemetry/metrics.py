"""What is counted and timed, for Prometheus: by route, never by path, and of no user.

Under gunicorn each worker counts in a file of its own (PROMETHEUS_MULTIPROC_DIR, see gunicorn.conf.py), and whichever
worker is asked adds the files up.
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

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
CACHE_SIZE = 2000  # routes x methods x statuses

portal_registry = CollectorRegistry()

http_requests = Counter(
    "portal_requests", "Requests answered.", ["method", "route", "status"], registry=portal_registry
)
http_request_seconds = Histogram(
    "portal_request_seconds",
    "From a request's arrival to its answer's head.",
    ["route"],
    buckets=SECONDS,
    registry=portal_registry,
)
http_requests_in_flight = Gauge(
    "portal_requests_in_flight", "Requests under way.", multiprocess_mode="livesum", registry=portal_registry
)
database_errors = Counter(
    "portal_database_errors", "Requests that the database failed.", ["kind"], registry=portal_registry
)
sign_ins_refused = Counter(
    "portal_sign_ins_refused", "Sign-ins that were refused.", ["reason"], registry=portal_registry
)
rate_limited = Counter(
    "portal_rate_limited", "Requests refused because there were too many.", ["by"], registry=portal_registry
)


@lru_cache(maxsize=CACHE_SIZE)
def request_metrics(method: str, route: str, status: int) -> tuple[Callable[[], None], Callable[[float], None]]:
    """What counts an answer, and what times it. A method that nobody knows is `other`: senders make up any number."""
    known = method if method in METHODS else "other"
    return http_requests.labels(known, route, str(status)).inc, http_request_seconds.labels(route).observe


def count_in_flight(wsgi_app: Callable[..., Iterable[bytes]]) -> Callable[..., Iterable[bytes]]:
    """The app, counted as under way until its answer is ready to be sent."""

    def counted(environ: Any, start_response: Any) -> Iterable[bytes]:
        http_requests_in_flight.inc()
        try:
            return wsgi_app(environ, start_response)
        finally:
            http_requests_in_flight.dec()

    return counted


class ReleaseCollector(Collector):
    """Which release answers."""

    def collect(self) -> Iterator[Metric]:
        """One line that says it."""
        told = {"version": VERSION, "release": RELEASE, "python": platform.python_version()}
        yield InfoMetricFamily("portal", "The release that answers.", value=told)


class ServerProcessCollector(Collector):
    """Processor time, memory and open files of every process of this server, by process id."""

    def collect(self) -> Iterator[Metric]:
        """Each figure of all processes together."""
        families: dict[str, Metric] = {}
        for pid in process_ids():
            for found in ProcessCollector(pid=lambda pid=pid: pid, registry=None).collect():
                family = families.setdefault(found.name, Metric(found.name, found.documentation, found.type))
                for sample in found.samples:
                    family.add_sample(sample.name, {"pid": str(pid)}, sample.value)
        yield from families.values()


def process_ids() -> list[int]:
    """Of every process of this server that lives: its files of gauges go when it does."""
    folder = os.environ.get(FOLDER)
    if not folder:
        return [os.getpid()]
    return sorted(int(path.stem.rpartition("_")[2]) for path in Path(folder).glob("gauge_livesum_*.db"))


def render_metrics() -> bytes:
    """All of it, in Prometheus's text format."""
    registry = CollectorRegistry()
    if os.environ.get(FOLDER):
        MultiProcessCollector(registry)
    else:
        registry.register(portal_registry)
    registry.register(ReleaseCollector())
    registry.register(ServerProcessCollector())
    return generate_latest(registry)

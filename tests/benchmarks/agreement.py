"""The check before the measurement: all systems must return the same batches, or their speeds cannot be compared."""

from __future__ import annotations

from tests.benchmarks.measurement import RunningSystems
from tests.benchmarks.request_kinds import FEW, KINDS, BenchmarkUser, RequestKind
from tests.benchmarks.systems import ListPage, System
from tests.support.timed_client import TimedClient


class ResultMismatch(Exception):
    """Two systems return different ids or totals for the same view."""


def check(running: RunningSystems) -> int:
    """Send every measured request to every system. Returns the number of compared pages; raises ResultMismatch."""
    compared = 0
    for user in running.users:
        for kind in KINDS.values():
            pages = {
                system.name: fetch_page(running, system, user, kind)
                for system in (running.portal, running.fragment, *running.peers)
                if system.address(user, kind.at(user, 0)) is not None
            }
            compared += compare(user, kind, pages)
    return compared


def fetch_page(running: RunningSystems, system: System, user: BenchmarkUser, kind: RequestKind) -> ListPage:
    """Return one system's page."""
    with TimedClient(running.port(system)) as client:
        return system.read(client.send(system.request(user, kind.at(user, 0))))


def compare(user: BenchmarkUser, kind: RequestKind, pages: dict[str, ListPage]) -> int:
    """Compare every page with the first. Returns the number of pages; raises ResultMismatch."""
    (first_name, first), *others = pages.items()
    label = f"{user.size} batches, {kind.name}"
    for name, page in others:
        if page != first:
            raise ResultMismatch(f"{label}: {name} returns {page}, {first_name} returns {first}")
    if kind is FEW and first.total != 13:
        raise ResultMismatch(f"{label}: {first.total} hits, not 13")
    return len(pages)

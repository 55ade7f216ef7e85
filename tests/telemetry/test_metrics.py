"""Metrics for Prometheus: access, counts by route, and no paths or users."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.exc import OperationalError

from portal.dialing.dialers import query
from portal.models import Dialer, User
from portal.telemetry import metrics
from portal.times import now_ms
from tests.support.builders import Builder

TOKEN = {"Authorization": "Bearer metrics-token"}


@pytest.fixture
def read_metric(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Callable[..., float]:
    """Return a function that returns a metric by name and labels, 0 if it does not exist yet."""
    monkeypatch.setitem(app.config, "METRICS_TOKEN", "metrics-token")

    def read(name: str, **labels: str) -> float:
        response = client.get("/metrics", headers=TOKEN)
        assert response.status_code == 200
        samples = [sample for family in text_string_to_metric_families(response.text) for sample in family.samples]
        values = [sample.value for sample in samples if sample.name == name and labels.items() <= sample.labels.items()]
        return values[0] if values else 0.0

    return read


def test_metrics_require_the_token(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    monkeypatch.setitem(app.config, "METRICS_TOKEN", "metrics-token")
    for sent in (
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "metrics-token"},
        {"Authorization": "Bearer é"},
    ):
        refused = client.get("/metrics", headers=sent)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "portal_" not in refused.text
    assert client.get("/metrics", headers=TOKEN).content_type.startswith("text/plain; version=")


def test_requests_are_counted_by_route_not_by_path(
    api: Callable, client: FlaskClient, read_metric: Callable, build: Builder, owner: User
) -> None:
    route = {"route": "/api/call/batches/<user_id>"}
    before = [read_metric("portal_requests_total", method="GET", status=status, **route) for status in ("200", "401")]
    timed_before = read_metric("portal_request_seconds_count", **route)
    build.create_batch(owner)
    assert api("?search=2025550123").status_code == 200
    client.get(f"/api/call/batches/{owner.id}")
    after = [read_metric("portal_requests_total", method="GET", status=status, **route) for status in ("200", "401")]
    assert after == [count + 1 for count in before]
    assert read_metric("portal_request_seconds_count", **route) == timed_before + 2
    text = client.get("/metrics", headers=TOKEN).text
    assert owner.id not in text
    assert "2025550123" not in text


def test_unknown_methods_and_paths_share_a_label(client: FlaskClient, read_metric: Callable) -> None:
    unknown = {"method": "other", "route": "-", "status": "405"}
    before = read_metric("portal_requests_total", **unknown)
    for method in ("BREW", "STEEP"):
        assert client.open("/login", method=method).status_code == 405
    assert read_metric("portal_requests_total", **unknown) == before + 2


def test_a_request_in_progress_is_removed_even_if_it_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    monkeypatch.setattr(metrics, "http_requests_in_flight", Gauge("in_progress", "", registry=registry))
    seen: list[float | None] = []

    def app(environ: dict, _start: object) -> list[bytes]:
        seen.append(registry.get_sample_value("in_progress"))
        return [b"%d" % (1 // environ["divisor"])]

    counting_app = metrics.count_in_flight(app)
    assert counting_app({"divisor": 1}, None) == [b"1"]
    with pytest.raises(ZeroDivisionError):
        counting_app({"divisor": 0}, None)
    assert seen == [1, 1]
    assert registry.get_sample_value("in_progress") == 0


def test_metrics_include_the_release_and_the_process(read_metric: Callable) -> None:
    assert read_metric("portal_info") == 1
    assert read_metric("process_resident_memory_bytes") > 1_000_000


def test_dialing_is_measured(
    read_metric: Callable, build: Builder, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    trunk = build.create_trunk(owner, lines=7, heard_at=now_ms() - 90_000)
    build.create_caller_number(owner, "+12025550100", trunk_key=trunk.key)
    batch = build.create_batch(owner, status="active")
    for due_at in (0, now_ms() + 60_000):
        build.create_call(batch, due_at=due_at)
    counts = {"portal_placements": {"placed": 5}, "portal_attempts_ended": {"busy": 2}, "portal_attempts_lost": {"": 1}}
    row = {"host": "a", "started_at": now_ms(), "events": 9, "counts": counts}
    build.add(Dialer(worker="a-1", seen_at=now_ms(), **row))
    build.add(Dialer(worker="a-2", seen_at=now_ms() - 60_000, **row))  # has ended
    assert read_metric("portal_dialers") == 1
    assert read_metric("portal_due_calls") == 1
    assert read_metric("portal_trunk_lines", trunk=trunk.id) == 7
    assert read_metric("portal_trunk_lines_in_use", trunk=trunk.id) == 0
    assert 90 <= read_metric("portal_engine_silence_seconds", trunk=trunk.id) < 200
    assert read_metric("portal_placements_total", dialer="a-1", result="placed") == 5
    assert read_metric("portal_attempts_ended_total", dialer="a-1", outcome="busy") == 2
    assert read_metric("portal_attempts_lost_total", dialer="a-1") == 1
    assert read_metric("portal_placements_total", dialer="a-2") == 0

    def fail(_now: int) -> None:
        raise OperationalError("SELECT", {}, Exception("the server is gone"))

    monkeypatch.setattr(query, "list_dialers", fail)
    assert read_metric("portal_trunk_lines", trunk=trunk.id) == 0  # unknown, and the others are still there
    assert read_metric("portal_requests_total") > 0

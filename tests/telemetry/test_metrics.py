"""What Prometheus is told: who may ask, how often what was asked for, and no address in it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.parser import text_string_to_metric_families

from portal.models import User
from portal.telemetry import metrics
from tests.support.builders import Builder

TOKEN = {"Authorization": "Bearer watcher"}


@pytest.fixture
def figure(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> Callable[..., float]:
    """One figure by its name and labels; 0 where there is none yet."""
    monkeypatch.setitem(app.config, "METRICS_TOKEN", "watcher")

    def read(name: str, **labels: str) -> float:
        told = client.get("/metrics", headers=TOKEN)
        assert told.status_code == 200
        samples = [one for family in text_string_to_metric_families(told.text) for one in family.samples]
        found = [one.value for one in samples if one.name == name and labels.items() <= one.labels.items()]
        return found[0] if found else 0.0

    return read


def test_figures_are_for_who_has_the_token(app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    assert client.get("/metrics").status_code == 404
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 404
    monkeypatch.setitem(app.config, "METRICS_TOKEN", "watcher")
    for sent in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "watcher"}, {"Authorization": "Bearer é"}):
        refused = client.get("/metrics", headers=sent)
        assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
        assert "portal_" not in refused.text
    assert client.get("/metrics", headers=TOKEN).content_type.startswith("text/plain; version=")


def test_requests_are_counted_by_route_and_never_by_path(
    api: Callable, client: FlaskClient, figure: Callable, build: Builder, owner: User
) -> None:
    route = {"route": "/api/call/batches/<user_id>"}
    before = [figure("portal_requests_total", method="GET", status=status, **route) for status in ("200", "401")]
    timed = figure("portal_request_seconds_count", **route)
    build.create_batch(owner)
    assert api("?search=2025550123").status_code == 200
    client.get(f"/api/call/batches/{owner.id}")
    after = [figure("portal_requests_total", method="GET", status=status, **route) for status in ("200", "401")]
    assert after == [count + 1 for count in before]
    assert figure("portal_request_seconds_count", **route) == timed + 2
    text = client.get("/metrics", headers=TOKEN).text
    assert owner.id not in text
    assert "2025550123" not in text


def test_made_up_methods_and_addresses_are_one_figure(client: FlaskClient, figure: Callable) -> None:
    unknown = {"method": "other", "route": "-", "status": "405"}
    before = figure("portal_requests_total", **unknown)
    for method in ("BREW", "STEEP"):
        assert client.open("/login", method=method).status_code == 405
    assert figure("portal_requests_total", **unknown) == before + 2


def test_what_is_under_way_is_counted_down_again_however_it_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = CollectorRegistry()
    monkeypatch.setattr(metrics, "http_requests_in_flight", Gauge("under_way", "", registry=registry))
    seen: list[float | None] = []

    def app(environ: dict, _start: object) -> list[bytes]:
        seen.append(registry.get_sample_value("under_way"))
        return [b"%d" % (1 // environ["divisor"])]

    counted = metrics.count_in_flight(app)
    assert counted({"divisor": 1}, None) == [b"1"]
    with pytest.raises(ZeroDivisionError):
        counted({"divisor": 0}, None)
    assert seen == [1, 1]
    assert registry.get_sample_value("under_way") == 0


def test_the_release_and_the_process_are_told(figure: Callable) -> None:
    assert figure("portal_info") == 1
    assert figure("process_resident_memory_bytes") > 1_000_000

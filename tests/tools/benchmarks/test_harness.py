"""The benchmark from end to end with few batches: real servers, and peers that run in the tests' environment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask import Flask

from portal.extensions import db
from tests.benchmarks import agreement, bulk_load, chart, measurement, report
from tests.benchmarks.__main__ import exclusive_run
from tests.benchmarks.batch_data import Shape
from tests.benchmarks.databases import DatabaseUrls, open_engine
from tests.benchmarks.goals import FRAGMENT, GOALS, PORTAL, Goal, Results
from tests.benchmarks.measurement import Metric, RunningSystems
from tests.benchmarks.request_kinds import FEW, KINDS, PAGE_1, measured_users
from tests.benchmarks.systems import CoveringIndex, FlaskSqlalchemy, ListPage
from tests.support import servers

END_MS = 1_760_000_000_000
SHAPE = Shape("tests", (100, 1_000), 4, 1_300)
USERS = measured_users(SHAPE, END_MS)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def running(
    request: pytest.FixtureRequest,
    make_app: Callable[[str], Flask],
    database_urls: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningSystems]:
    """The portal and two peers, running on the same batches."""
    app = make_app(request.param)
    with app.app_context():
        bulk_load.load_portal(db.engine, SHAPE, END_MS)
        portal = db.engine.url.render_as_string(hide_password=False)
    urls = {index: plain(database_urls(request.param)) for index in (bulk_load.LIST_INDEX, bulk_load.COVERING_INDEX)}
    for index, url in urls.items():
        engine = open_engine(url)
        bulk_load.load_peers(engine, SHAPE, END_MS, index)
        engine.dispose()
    urls = DatabaseUrls(request.param, plain(portal), *urls.values())
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(servers, "LOGS", tmp_path_factory.mktemp("bench"))
        patch.setattr(measurement, "peers", lambda _engine, python: [FlaskSqlalchemy(python), CoveringIndex(python)])
        patch.setattr(measurement, "MAX_RESPONSES", 1)
        yield RunningSystems(urls, USERS, Path(sys.executable), stack)


def plain(url: str) -> str:
    """Return a URL that both psycopg and SQLAlchemy accept."""
    return url.replace("postgresql+psycopg:", "postgresql:")


def test_all_systems_return_the_same_ids_and_totals(running: RunningSystems) -> None:
    peers_views = sum(running.peers[0].address(USERS[0], kind.at(USERS[0], 0)) is not None for kind in KINDS.values())
    assert 0 < peers_views < len(KINDS)
    assert agreement.check(running) == len(USERS) * (2 * len(KINDS) + 2 * peers_views)


@pytest.mark.parametrize(
    "other", [ListPage(14, ["a", "b"]), ListPage(13, ["b", "a"]), ListPage(13, ["a"])], ids=["total", "order", "row"]
)
def test_a_different_result_ends_the_run(other: ListPage) -> None:
    with pytest.raises(agreement.ResultMismatch, match="second returns"):
        agreement.compare(USERS[0], PAGE_1, {"first": ListPage(13, ["a", "b"]), "second": other})


def test_few_hits_are_thirteen() -> None:
    alike = ListPage(12, ["a"])
    with pytest.raises(agreement.ResultMismatch, match="not 13"):
        agreement.compare(USERS[0], FEW, {"first": alike, "second": alike})


def test_a_round_fills_every_metric_and_the_report_contains_them(running: RunningSystems) -> None:
    medians = measurement.medians(measurement.run(running, 1, lambda _words: None))
    assert set(medians) == {metric for metric, _turn in running.metrics()}
    assert {Metric(PORTAL, user.size, kind.name) for user in USERS for kind in KINDS.values()} <= set(medians)
    assert Metric(FRAGMENT, USERS[-1].size, PAGE_1.name) in medians
    results = Results(running.urls.engine, [user.size for user in USERS], medians)
    text = report.format_page([results], {running.urls.engine: "0"}, SHAPE.live, SHAPE.users, 1, 1)
    for goal in GOALS:
        assert goal.description in text
    for name in (PORTAL, FRAGMENT, *(peer.name for peer in running.peers)):
        assert f"\n| {name} |" in text
    drawn = ElementTree.fromstring(chart.draw([results]))
    curves = [path.get("d") for path in drawn.iter("{http://www.w3.org/2000/svg}path")]
    assert len([curve for curve in curves if curve and "L" in curve]) == len(chart.CURVES)


def test_a_second_run_is_refused_until_the_first_has_ended(tmp_path: Path) -> None:
    with (
        exclusive_run(tmp_path),
        pytest.raises(SystemExit, match="Another benchmark is running"),
        exclusive_run(tmp_path),
    ):
        pass
    with exclusive_run(tmp_path):  # the lock is free again
        pass


@pytest.mark.parametrize(
    ("at_least", "value", "is_met"),
    [(False, 2.0, True), (False, 2.004, True), (False, 2.01, False), (True, 2.0, True), (True, 1.99, False)],
)
def test_a_goal_is_met_as_exactly_as_it_is_printed(at_least: bool, value: float, is_met: bool) -> None:
    goal = Goal("a ratio", 2.0, None, lambda _results: value, at_least)
    assert goal.is_met("sqlite", value) is is_met
    assert report.format_ratio(value) == f"{value:.2f}x"

"""The harness from end to end on few batches: real servers, and peers that run in the portal's own environment."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from xml.etree import ElementTree

import pytest
from flask import Flask

from portal.extensions import db
from tests.benchmarks import agreement, load, picture, report, rounds, servers
from tests.benchmarks.__main__ import alone
from tests.benchmarks.asks import FEW, KINDS, PAGE_1, measured_users
from tests.benchmarks.contenders import CoveringIndex, FlaskSqlalchemy, Found
from tests.benchmarks.data import Shape
from tests.benchmarks.goals import FRAGMENT, GOALS, PORTAL, Goal, Results
from tests.benchmarks.rounds import Cell, Field
from tests.benchmarks.stores import Store, engine_of

END_MS = 1_760_000_000_000
SHAPE = Shape("tests", (100, 1_000), 4, 1_300)
USERS = measured_users(SHAPE, END_MS)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def field(
    request: pytest.FixtureRequest,
    make_app: Callable[[str], Flask],
    database_urls: Callable[[str], str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Field]:
    """The portal and two peers, running over the same batches."""
    app = make_app(request.param)
    with app.app_context():
        load.load_portal(db.engine, SHAPE, END_MS)
        portal = db.engine.url.render_as_string(hide_password=False)
    urls = {index: plain(database_urls(request.param)) for index in (load.BARE_INDEX, load.COVERING_INDEX)}
    for index, url in urls.items():
        engine = engine_of(url)
        load.load_peers(engine, SHAPE, END_MS, index)
        engine.dispose()
    store = Store(request.param, plain(portal), *urls.values())
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        patch.setattr(servers, "BUILD", tmp_path_factory.mktemp("bench"))
        patch.setattr(rounds, "peers", lambda _engine, python: [FlaskSqlalchemy(python), CoveringIndex(python)])
        patch.setattr(rounds, "MOST_ANSWERS", 1)
        yield Field(store, USERS, Path(sys.executable), stack)


def plain(url: str) -> str:
    """A URL as both the driver and SQLAlchemy take it."""
    return url.replace("postgresql+psycopg:", "postgresql:")


def test_all_tell_the_same_ids_and_totals(field: Field) -> None:
    peers_views = sum(field.peers[0].address(USERS[0], kind.at(USERS[0], 0)) is not None for kind in KINDS.values())
    assert 0 < peers_views < len(KINDS)
    assert agreement.check(field) == len(USERS) * (2 * len(KINDS) + 2 * peers_views)


@pytest.mark.parametrize(
    "other", [Found(14, ["a", "b"]), Found(13, ["b", "a"]), Found(13, ["a"])], ids=["total", "order", "row"]
)
def test_who_tells_otherwise_ends_the_run(other: Found) -> None:
    with pytest.raises(agreement.Disagreement, match="second says"):
        agreement.compare(USERS[0], PAGE_1, {"first": Found(13, ["a", "b"]), "second": other})


def test_few_hits_are_thirteen() -> None:
    alike = Found(12, ["a"])
    with pytest.raises(agreement.Disagreement, match="not 13"):
        agreement.compare(USERS[0], FEW, {"first": alike, "second": alike})


def test_a_round_fills_every_cell_and_the_report_tells_them(field: Field) -> None:
    medians = rounds.medians(rounds.run(field, 1, lambda _words: None))
    assert set(medians) == {cell for cell, _turn in field.cells()}
    assert {Cell(PORTAL, user.size, kind.name) for user in USERS for kind in KINDS.values()} <= set(medians)
    assert Cell(FRAGMENT, USERS[-1].size, PAGE_1.name) in medians
    results = Results(field.store.engine, [user.size for user in USERS], medians)
    text = report.page([results], {field.store.engine: "0"}, SHAPE.live, SHAPE.users, 1, 1)
    for goal in GOALS:
        assert goal.what in text
    for name in (PORTAL, FRAGMENT, *(peer.name for peer in field.peers)):
        assert f"\n| {name} |" in text
    drawn = ElementTree.fromstring(picture.draw([results]))
    curves = [path.get("d") for path in drawn.iter("{http://www.w3.org/2000/svg}path")]
    assert len([curve for curve in curves if curve and "L" in curve]) == len(picture.CURVES)


def test_a_second_run_waits_for_the_first_to_end(tmp_path: Path) -> None:
    with alone(tmp_path), pytest.raises(SystemExit, match="Another benchmark is running"), alone(tmp_path):
        pass
    with alone(tmp_path):  # and is free again
        pass


@pytest.mark.parametrize(
    ("at_least", "value", "met"),
    [(False, 2.0, True), (False, 2.004, True), (False, 2.01, False), (True, 2.0, True), (True, 1.99, False)],
)
def test_a_goal_is_met_as_exactly_as_it_is_printed(at_least: bool, value: float, met: bool) -> None:
    goal = Goal("a ratio", 2.0, None, lambda _results: value, at_least)
    assert goal.met("sqlite", value) is met
    assert report.times(value) == f"{value:.2f}x"

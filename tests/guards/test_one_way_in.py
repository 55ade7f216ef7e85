"""The shape of the house, held by reading its source: one room selects, one changes, and views never parse."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

PORTAL = Path(__file__).resolve().parents[2] / "portal"
SOURCES = sorted(PORTAL.rglob("*.py"))
# check.py reads every row, to hold against it what is kept; migrating.py asks the catalogue for locks and indexes
ROOMS_THAT_SELECT = {"query.py", "check.py", "migrating.py"}
# What is special to an engine: what is kept beside the rows, and how a database is copied whole.
ROOMS_OF_ENGINES = {"kept", "backups"}
ROOMS_THAT_WRITE = {"actions.py", "database.py", "check.py"}  # check.py writes nothing, but SQLite has it say so


def calls_in(path: Path) -> set[str]:
    """The names of everything that a file calls: `select`, `session.get`, `db.session.execute`…"""
    tree = ast.parse(path.read_text())
    return {ast.unparse(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}


def selects(path: Path) -> bool:
    """Whether a file is a room that may select."""
    return path.name in ROOMS_THAT_SELECT or path.parent.name in {"query", *ROOMS_OF_ENGINES}


def names_in(path: Path) -> set[str]:
    """Every dotted name that a file mentions."""
    tree = ast.parse(path.read_text())
    return {ast.unparse(node) for node in ast.walk(tree) if isinstance(node, ast.Attribute | ast.Name)}


def short(path: Path) -> str:
    return str(path.relative_to(PORTAL))


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_only_query_helpers_select(path: Path) -> None:
    if selects(path):
        return
    forbidden = re.compile(r"(^|\.)(select|query\.filter\w*|get_or_404|first_or_404|one_or_404|paginate|scalars?)$")
    assert not {name for name in calls_in(path) if forbidden.search(name)}
    assert not {name for name in calls_in(path) if re.search(r"db\.session\.(get|query|execute|scalars?)$", name)}


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_only_actions_write(path: Path) -> None:
    if path.name in ROOMS_THAT_WRITE or path.parent.name == "actions":
        return
    forbidden = re.compile(r"(session\.(add|add_all|delete|merge|commit|flush)|^writing|^(insert|update|delete))$")
    assert not {name for name in calls_in(path) if forbidden.search(name)}


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_raw_sql_stands_in_the_engines_rooms_alone(path: Path) -> None:
    if path.name in ("database.py", "migrating.py") or path.parent.name in ROOMS_OF_ENGINES:
        return
    assert not {name for name in calls_in(path) if name.endswith("exec_driver_sql")}
    assert not re.search(r"from sqlalchemy import .*\btext\b", path.read_text()) or path.parent.name == "models"


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_what_is_deleted_is_told_in_one_place(path: Path) -> None:
    if short(path) in (
        "batches/query/__init__.py",
        "batches/query/live.py",
        "batches/check.py",
        "batches/actions/importing.py",
        "batches/actions/lifecycle.py",
        "batches/presenter.py",  # the trash says when and by whom
    ) or path.parent.name in (
        "models",
        "kept",
    ):
        return
    assert not {name for name in names_in(path) if "deleted_at" in name or "deleted_by" in name}


@pytest.mark.parametrize("path", [path for path in SOURCES if selects(path)], ids=short)
def test_every_select_of_batches_begins_in_live_batches(path: Path) -> None:
    """`select(Batch…)` stands once in the whole portal; calls are reached through it."""
    tree = ast.parse(path.read_text())
    for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
        selects = [
            ast.unparse(node)
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("select", "select_from", "join")
        ]
        of_batches = [call for call in selects if re.search(r"\bBatch\b", call)]
        assert not of_batches or function.name == "live_batches", f"{function.name}: {of_batches}"
        of_calls = [call for call in selects if re.search(r"\bCall\b", call)]
        assert not of_calls or function.name == "live_calls", f"{function.name}: {of_calls}"


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_the_query_string_is_read_in_one_place(path: Path) -> None:
    assert not {name for name in names_in(path) if re.match(r"request\.(args|values|json|get_json)\b", name)}


@pytest.mark.parametrize("path", [path for path in SOURCES if path.name == "presenter.py"], ids=short)
def test_presenters_know_neither_sql_nor_request_nor_html(path: Path) -> None:
    assert not re.search(r"(import|from) (flask|sqlalchemy)", path.read_text())
    assert not re.search(r"</?\w+>", path.read_text())


@pytest.mark.parametrize(
    "path",
    [path for path in SOURCES if path.parent.name == "query" or path.stem in ("query", "parameters", "presenter")],
    ids=short,
)
def test_imports_run_one_way(path: Path) -> None:
    """Exits know the rooms behind them, and never the other way round."""
    room = r"(pages|api|commands|actions)"
    exits = rf"from portal(\.\w+)* import .*\b{room}\b|from portal(\.\w+)*\.{room} import"
    assert not re.search(exits, path.read_text())


@pytest.mark.parametrize("path", [path for path in SOURCES if path.parent.name == "models"], ids=short)
def test_relationships_never_load_by_themselves(path: Path) -> None:
    for call in re.findall(r"relationship\([^)]*\)", path.read_text()):
        assert 'lazy="raise"' in call

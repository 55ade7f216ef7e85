"""The first steps of a new user: `make run`, the printed curl command, sign-in, and the commands of the README."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.cookiejar import CookieJar
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener, urlopen

import pytest

from portal.config import SETTINGS
from tests.conftest import csrf_token
from tests.support.databases import SECRET_KEY
from tests.support.missing import ServiceMissing, skip_or_fail
from tests.support.servers import free_port
from tests.support.services import curl

ROOT = Path(__file__).resolve().parents[1]
README_ADDRESS = "http://127.0.0.1:8000"
TIMEOUT_SECONDS = 240  # the first run creates the virtual environment

pytestmark = pytest.mark.xdist_group("make run")  # one at a time: they share the virtual environment


@dataclass(frozen=True)
class Portal:
    """A portal that `make run` serves."""

    address: str
    environ: dict[str, str]
    log: Path

    def find_in_output(self, pattern: str) -> str:
        """Return the group of the pattern in the output of `make run`."""
        match = re.search(pattern, self.log.read_text(), re.MULTILINE)
        assert match, self.log.read_text()
        return match[1]

    def shell(self, script: str) -> str:
        """Run a script in another shell and return its output; every command must succeed."""
        prelude = 'set -euo pipefail\ncurl() { command curl --silent --show-error --fail "$@"; }\n'
        result = subprocess.run(
            ["bash", "-c", prelude + script],
            cwd=ROOT,
            env=self.environ,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_SECONDS,
        )
        assert result.returncode == 0, result.stdout + result.stderr
        return result.stdout


@contextmanager
def make_run(folder: Path, **overrides: str) -> Iterator[Portal]:
    """Run the portal with `make run` and its data in `folder`, and stop it with SIGTERM as a supervisor does."""
    port = free_port()
    settings = {"INSTANCE_DIR": str(folder), "PORT": str(port)} | overrides
    environ = {name: value for name, value in os.environ.items() if name not in {setting.name for setting in SETTINGS}}
    portal = Portal(f"http://127.0.0.1:{port}", environ | settings, folder / f"output-{port}")
    with portal.log.open("w") as log:
        process = subprocess.Popen(["make", "run"], cwd=ROOT, env=portal.environ, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_ready(portal, process)
        yield portal
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert "Shutting down: Master" in portal.log.read_text()
    with pytest.raises(URLError):
        urlopen(portal.address)


def wait_until_ready(portal: Portal, process: subprocess.Popen[bytes]) -> None:
    """Wait for the sign-in page; if `make run` ends instead, fail with its output."""
    deadline = time.monotonic() + TIMEOUT_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{portal.address}/login", timeout=TIMEOUT_SECONDS) as response:
                assert response.status == 200
                return
        except URLError:
            time.sleep(0.1)
    pytest.fail(portal.log.read_text())


def batches_page(portal: Portal, email: str, password: str) -> str:
    """Sign in with the form and return the page that follows."""
    browser = build_opener(HTTPCookieProcessor(CookieJar()))
    with browser.open(f"{portal.address}/login?next=/batches") as page:
        fields = {"email": email, "password": password, "csrf_token": csrf_token(page.read().decode())}
    with browser.open(f"{portal.address}/login?next=/batches", urlencode(fields).encode()) as page:
        assert page.url == f"{portal.address}/batches"
        return page.read().decode()


@pytest.fixture(scope="module", autouse=True)
def _curl() -> None:
    try:
        with curl():
            pass
    except ServiceMissing as missing:
        skip_or_fail(missing)


def test_make_run_serves_a_portal_with_demo_data(tmp_path: Path) -> None:
    with make_run(tmp_path) as portal:
        assert portal.find_in_output(r"^Address +(\S+)$") == portal.address
        email, password = portal.find_in_output(r"^Email +(\S+)$"), portal.find_in_output(r"^Password +(\S+)$")
        body = json.loads(portal.shell(portal.find_in_output(r"^(curl .*)$")))
        assert (body["code"], body["status"]) == (200, True)
        batches = body["data"]["batches"]
        assert len(batches) == 10 < body["data"]["pagination"]["total"]
        page = batches_page(portal, email, password)
        assert all(f"/batches/{batch['_id']}" in page for batch in batches)
    with make_run(tmp_path) as portal:  # the second run uses the same account and prints nothing about it
        assert not re.search("Password|curl|demo@", portal.log.read_text())
        assert batches[0]["_id"] in batches_page(portal, email, password)


def test_an_external_database_is_migrated_without_demo_data(
    database_urls: Callable[[str], str], tmp_path: Path
) -> None:
    url = database_urls("postgresql").replace("postgresql+psycopg:", "postgres:")
    with make_run(tmp_path, DATABASE_URL=url, SECRET_KEY=SECRET_KEY) as portal:
        assert not re.search("Password|curl|demo@", portal.log.read_text())
        assert portal.shell(".venv/bin/python -m flask --app wsgi user list") == ""
    assert list(tmp_path.iterdir()) == [portal.log]


def test_a_port_in_use_is_reported_in_one_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        environ = os.environ | {"PORT": str(port), "INSTANCE_DIR": str(tmp_path)}
        result = subprocess.run(
            ["make", "run"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
        )
    assert f"Cannot listen on 127.0.0.1:{port}: Address already in use" in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_commands_of_the_readme_work_as_written(tmp_path: Path) -> None:
    """Run the blocks that begin with ```sh tested one after the other against a running portal."""
    blocks = re.findall(r"^```sh tested\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    with make_run(tmp_path) as portal:
        script = "\n".join(blocks).replace(README_ADDRESS, portal.address)
        portal.shell(script.replace("/tmp/", f"{tmp_path}/"))

"""What a newcomer does: `make run`, the printed curl line, signing in, the README's commands, an end without haste."""

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
from tests.support.missing import ServiceMissing, skip_or_fail
from tests.support.servers import free_port
from tests.support.services import curl

ROOT = Path(__file__).resolve().parents[1]
README_ADDRESS = "http://127.0.0.1:8000"
PATIENCE = 240  # seconds; the first time, the virtual environment is made

pytestmark = pytest.mark.xdist_group("make run")  # one at a time: they share the virtual environment


@dataclass(frozen=True)
class Portal:
    """A portal that `make run` serves."""

    address: str
    environ: dict[str, str]
    log: Path

    def said(self, pattern: str) -> str:
        """What it printed, where that fits the pattern's one group."""
        found = re.search(pattern, self.log.read_text(), re.MULTILINE)
        assert found, self.log.read_text()
        return found[1]

    def shell(self, script: str) -> str:
        """What a script prints that a person would type beside it; every command must succeed."""
        quiet = 'set -euo pipefail\ncurl() { command curl --silent --show-error --fail "$@"; }\n'
        done = subprocess.run(
            ["bash", "-c", quiet + script], cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=PATIENCE
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


@contextmanager
def make_run(folder: Path, **given: str) -> Iterator[Portal]:
    """The portal as `make run` starts it, with its data in `folder`; stopped as a supervisor stops it."""
    port = free_port()
    settings = {"INSTANCE_DIR": str(folder), "PORT": str(port)} | given
    environ = {name: value for name, value in os.environ.items() if name not in {each.name for each in SETTINGS}}
    portal = Portal(f"http://127.0.0.1:{port}", environ | settings, folder / f"said-{port}")
    with portal.log.open("w") as log:
        process = subprocess.Popen(["make", "run"], cwd=ROOT, env=portal.environ, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait_until_it_answers(portal, process)
        yield portal
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert "Shutting down: Master" in portal.log.read_text()
    with pytest.raises(URLError):
        urlopen(portal.address)


def wait_until_it_answers(portal: Portal, process: subprocess.Popen[bytes]) -> None:
    """Wait for the sign-in page; what `make run` said is the failure's message when it ends instead."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urlopen(f"{portal.address}/login", timeout=PATIENCE) as answer:
                assert answer.status == 200
                return
        except URLError:
            time.sleep(0.1)
    pytest.fail(portal.log.read_text())


def batches_page(portal: Portal, email: str, password: str) -> str:
    """What signing in by the form leads to."""
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


def test_make_run_leads_to_a_portal_worth_looking_at(tmp_path: Path) -> None:
    with make_run(tmp_path) as portal:
        assert portal.said(r"^Address +(\S+)$") == portal.address
        email, password = portal.said(r"^E-mail +(\S+)$"), portal.said(r"^Password +(\S+)$")
        answer = json.loads(portal.shell(portal.said(r"^(curl .*)$")))
        assert (answer["code"], answer["status"]) == (200, True)
        batches = answer["data"]["batches"]
        assert len(batches) == 10 < answer["data"]["pagination"]["total"]
        page = batches_page(portal, email, password)
        assert all(f"/batches/{batch['_id']}" in page for batch in batches)
    with make_run(tmp_path) as portal:  # the second time: the same account, and nothing said of it
        assert not re.search("Password|curl|demo@", portal.log.read_text())
        assert batches[0]["_id"] in batches_page(portal, email, password)


def test_a_database_of_ones_own_is_migrated_and_served_no_more(
    database_urls: Callable[[str], str], tmp_path: Path
) -> None:
    url = database_urls("postgresql").replace("postgresql+psycopg:", "postgres:")
    with make_run(tmp_path, DATABASE_URL=url, SECRET_KEY="only for tests") as portal:
        assert not re.search("Password|curl|demo@", portal.log.read_text())
        assert portal.shell(".venv/bin/python -m flask --app wsgi user list") == ""
    assert list(tmp_path.iterdir()) == [portal.log]


def test_a_port_in_use_is_said_plainly(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        environ = os.environ | {"PORT": str(port), "INSTANCE_DIR": str(tmp_path)}
        done = subprocess.run(["make", "run"], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=PATIENCE)
    assert f"127.0.0.1:{port} cannot be listened on: Address already in use" in done.stderr
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_readmes_commands_work_as_written(tmp_path: Path) -> None:
    """Its blocks that open with ```sh tested, one after the other, beside a portal that runs."""
    blocks = re.findall(r"^```sh tested\n(.*?)^```$", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    assert blocks
    with make_run(tmp_path) as portal:
        script = "\n".join(blocks).replace(README_ADDRESS, portal.address)
        portal.shell(script.replace("/tmp/", f"{tmp_path}/"))

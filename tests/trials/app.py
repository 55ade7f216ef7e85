"""The portal under trial: within this process, or as a server process."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from flask import Flask

from tests.support import databases
from tests.support.databases import ENVIRONMENT, FAST_HASHER, hashing_with, temporary_database
from tests.support.servers import ServerProcess, run_server
from tests.trials.served_app import DEFECT_VARIABLE

# The settings of the portal in every trial, unless the trial overrides them.
SETTINGS = {
    "LOG_LEVEL": "INFO",  # the monitor checks one line for each request
    "SIGN_IN_TRIES": 0,  # most trials send wrong passwords
    "SIGN_IN_TRIES_PER_ADDRESS": 0,
}


@contextmanager
def portal_on(url: str, **settings: Any) -> Iterator[Flask]:
    """Run the portal on a database within this process."""
    with databases.portal_on(url, **(SETTINGS | settings)) as app, hashing_with(FAST_HASHER):
        yield app


@contextmanager
def open_app(kind: str, **settings: Any) -> Iterator[Flask]:
    """Run the portal on an empty database of that kind within this process."""
    with temporary_database(kind) as url, portal_on(url, **settings) as app:
        yield app


@contextmanager
def run_portal(url: str, **settings: str | int) -> Iterator[ServerProcess]:
    """Run a portal server on a database; `settings` are environment variables."""
    with TemporaryDirectory(prefix="portal-trial-") as instance:
        environ = ENVIRONMENT | {"WEB_WORKERS": "2", "WEB_THREADS": "4", "INSTANCE_DIR": instance, "DIALER": "off"}
        environ |= {"DATABASE_URL": url, DEFECT_VARIABLE: os.environ.get(DEFECT_VARIABLE, "")}
        environ |= {name: str(value) for name, value in settings.items()}
        with run_server("trial", [sys.executable, "-m", "gunicorn", "tests.trials.served_app:app"], environ) as server:
            yield server


@contextmanager
def break_server(defect: str) -> Iterator[None]:
    """Start servers with a defect (tests/trials/served_app.py) within the block."""
    with patch.dict(os.environ, {DEFECT_VARIABLE: defect}):
        yield

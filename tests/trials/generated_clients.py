"""Generated clients: they compile under strict checks and call every operation of a running portal.

The short form uses the generator for Python, which is installed with the tests. The full form also installs type
checkers, the generators for TypeScript and two linters, with pip and npm, in the versions of clients/package.json.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

from flask import Flask

from portal.api import document
from portal.models import Scope
from tests.support.builders import Builder
from tests.support.live_server import LiveServer
from tests.trials.trial import Conditions, Outcome, Trial

SOURCES = Path(__file__).parent / "clients"
MYPY = "mypy==2.4.1"
TIMEOUT_SECONDS = 900

PYTHON = "openapi-python-client"
TYPESCRIPT = ("openapi-typescript", "hey-api", "oazapfts", "orval")
LINTERS = {
    "Redocly, recommended rules": "npx redocly lint openapi.json --config redocly.yaml",
    "Spectral, recommended rules": "npx spectral lint openapi.json --ruleset spectral.yaml --fail-severity hint",
}
GENERATORS = {
    "openapi-typescript": "npx openapi-typescript openapi.json -o generated/openapi-typescript.ts",
    "hey-api": "npx openapi-ts -f hey-api.config.mjs",
    "oazapfts": "npx oazapfts openapi.json generated/oazapfts.ts",
    "orval": "npx orval --config orval.config.cjs",
    "tsc, strict": "npx tsc",
    "esbuild": "npx esbuild main.ts --bundle --platform=node --outfile=main.cjs",
}


class Workspace:
    """A temporary folder with the sources of the clients and the document; commands that fail are recorded."""

    def __init__(self, folder: Path, app: Flask, portal: str) -> None:
        self.folder = folder
        self.build = Builder(app)
        self.portal = portal
        self.failures: list[str] = []
        shutil.copytree(SOURCES, folder, dirs_exist_ok=True)
        (folder / "openapi.json").write_text(json.dumps(document.build_document(app)))

    def run(self, label: str, command: str | Sequence[str], **environ: str) -> bool:
        """Run a command in the folder, and return whether it succeeded."""
        words = command.split() if isinstance(command, str) else command
        settings = {**os.environ, "PORTAL": self.portal, "NO_COLOR": "1", **environ}
        done = subprocess.run(
            words, cwd=self.folder, env=settings, capture_output=True, text=True, timeout=TIMEOUT_SECONDS
        )
        if done.returncode:
            self.failures.append(f"{label}: {' '.join((done.stdout + done.stderr).split())[-600:]}")
        return not done.returncode

    def call_operations(self, client: str, command: Sequence[str]) -> bool:
        """Run the scenario of a client as a new user, and return whether it succeeded."""
        owner = self.build.create_user(client)
        token = self.build.create_token(owner, *Scope)
        return self.run(f"{client} calls every operation", command, TOKEN=token, USER_ID=owner.id)


def run(conditions: Conditions) -> Outcome:
    """Generate the clients and call every operation with each; `count` is the number of clients."""
    wants_all = conditions.count > 1
    with conditions.app() as app, TemporaryDirectory() as folder, closing(LiveServer(app)) as server:
        workspace = Workspace(Path(folder), app, server.address)
        clients = try_python(workspace, type_checked=wants_all)
        conditions.report_progress(f"{clients} clients")
        if not wants_all:
            return Outcome(clients, workspace.failures)
        if shutil.which("npm") is None:
            return Outcome(clients, workspace.failures, untested="npm is missing: no client for TypeScript, no linter")
        install = "npm install --no-package-lock --no-audit --no-fund --ignore-scripts"
        if not workspace.run("npm", install):
            return Outcome(clients, workspace.failures[:-1], untested=workspace.failures[-1])
        linted = sum(workspace.run(label, command) for label, command in LINTERS.items())
        clients += try_typescript(workspace)
        return Outcome(clients, workspace.failures, {"clients": clients, "linters": linted})


def try_python(workspace: Workspace, *, type_checked: bool) -> int:
    """Return the number of clients for Python that call every operation."""
    generate = "generate --path openapi.json --output-path portal_client --meta none --config python.yaml"
    command = [sys.executable, "-m", "openapi_python_client", *generate.split(), "--fail-on-warning"]
    if not workspace.run(PYTHON, command):
        return 0
    if type_checked:
        tools = str(workspace.folder / "tools")
        workspace.run("pip", [sys.executable, "-m", "pip", "install", "--quiet", "--target", tools, MYPY])
        workspace.run("mypy --strict", [sys.executable, "-m", "mypy", "--strict", "portal_client"], PYTHONPATH=tools)
    return int(workspace.call_operations(PYTHON, [sys.executable, "-W", "error", "scenario.py"]))


def try_typescript(workspace: Workspace) -> int:
    """Return the number of clients for TypeScript that call every operation."""
    (workspace.folder / "generated").mkdir()
    if not all(workspace.run(label, command) for label, command in GENERATORS.items()):
        return 0
    return sum(workspace.call_operations(client, ["node", "main.cjs", client]) for client in TYPESCRIPT)


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def document_a_default() -> Iterator[None]:
    """Document a default that the server does not have: an export without limit is complete."""
    original = document.query_parameter

    def query_parameter(name: str, schema: dict[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
        parameter = original(name, schema, schemas)
        return parameter | {"schema": parameter["schema"] | {"default": 10}} if name == "limit" else parameter

    with patch.object(document, "query_parameter", query_parameter):
        yield


TRIAL = Trial(
    name="clients",
    title="clients made by five generators from the OpenAPI document; Redocly's and Spectral's recommended rules",
    passes_when="the clients compile under strict checks and call every operation; no finding",
    unit="clients",
    full=5,
    short=1,
    run=run,
    databases=("sqlite",),
    defects={"the document has a default that the server does not have": document_a_default},
)

"""Real servers under trial: gunicorn as it is shipped, on a database of the trial's own, and callers that know what was
acknowledged and what was not."""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event, Thread
from typing import Any
from unittest.mock import patch

from tests.benchmarks.servers import Server, serving
from tests.trials.databases import ENVIRONMENT
from tests.trials.serve import BREAK

# What the portal answers when its database is in trouble: come again.
CANNOT_NOW = (503, 507)

# Longer than any answer takes; a connection that is cut is told at once.
PATIENCE_SECONDS = 60
UNANSWERED = (OSError, HTTPException)


@contextmanager
def portal_server(url: str, **settings: str | int) -> Iterator[Server]:
    """The portal, serving the database of that URL; `settings` as the environment has them."""
    with TemporaryDirectory(prefix="portal-trial-") as instance:
        plain = {"WEB_WORKERS": "2", "WEB_THREADS": "4", "LOG_LEVEL": "WARNING", "INSTANCE_DIR": instance}
        asked = {name: str(value) for name, value in settings.items()}
        environ = ENVIRONMENT | plain | {"DATABASE_URL": url, BREAK: os.environ.get(BREAK, "")} | asked
        with serving("trial", [sys.executable, "-m", "gunicorn", "tests.trials.serve:app"], environ) as server:
            yield server


@contextmanager
def broken_server(name: str) -> Iterator[None]:
    """Servers are started broken in that way (tests/trials/serve.py) within the block."""
    with patch.dict(os.environ, {BREAK: name}):
        yield


def workers_of(server: Server) -> list[int]:
    """The process ids of gunicorn's workers."""
    children = Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def kill(pid: int) -> bool:
    """End a worker at once, whatever it is doing; returns whether it was there."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The body, read."""
        return json.loads(self.text)


def heedless(_answer: Answer) -> None:
    """Looks at no answer."""


class Caller:
    """A program that asks one server; on a connection that is kept, or on a new one each time. `sees` is shown every
    answer."""

    def __init__(self, port: int, token: str, *, keep: bool = False, sees: Callable[[Answer], None] = heedless) -> None:
        self.port = port
        self.token = token
        self.keep = keep
        self.sees = sees
        self.connection: HTTPConnection | None = None
        self.seen = ""  # the ETag of what it polls

    def ask(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **more: str
    ) -> Answer:
        """The answer; `more` are headers, with underscores. Raises one of UNANSWERED where there is none: nobody knows
        then what became of the request."""
        headers = {"Authorization": f"Bearer {self.token}"}
        headers |= {name.replace("_", "-"): value for name, value in more.items()}
        sent = None
        if body is not None:
            headers["Content-Type"] = content_type
            sent = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.connection or HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_SECONDS)
        self.connection = None
        try:
            connection.request(method, path, sent, headers)
            found = connection.getresponse()
            answer = Answer(
                found.status, {name.lower(): value for name, value in found.getheaders()}, found.read().decode()
            )
            if self.keep and not found.will_close:
                self.connection = connection
            self.sees(answer)
            return answer
        finally:
            if self.connection is None:
                connection.close()

    def until_answered(self, method: str, path: str, body: Any, stop_after: float = 60) -> Answer:
        """The answer, asked again while there is none, or while the portal says that it cannot now (503, 507)."""
        until = time.monotonic() + stop_after
        while True:
            try:
                answer = self.ask(method, path, body)
                if answer.status not in CANNOT_NOW or time.monotonic() > until:
                    return answer
            except UNANSWERED:
                if time.monotonic() > until:
                    raise
            time.sleep(0.02)

    def close(self) -> None:
        """Let the connection go that was kept."""
        if self.connection:
            self.connection.close()


@dataclass
class Callers:
    """Threads that go on asking until they are told to stop; what they find wrong, or fall over, is kept. `sees` is
    shown every answer to their programs."""

    sees: Callable[[Answer], None] = heedless
    failures: list[str] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)
    threads: list[Thread] = field(default_factory=list)
    callers: list[Caller] = field(default_factory=list)

    def caller(self, port: int, token: str, *, keep: bool = False) -> Caller:
        """A program, whose connection is let go at the end."""
        self.callers.append(Caller(port, token, keep=keep, sees=self.sees))
        return self.callers[-1]

    def start(self, turn: Callable[[], None]) -> None:
        """Do `turn` over and over in a thread of its own."""

        def over_and_over() -> None:
            while not self.stopping.is_set():
                try:
                    turn()
                except Exception as error:
                    self.failures.append(f"a caller fell over {type(error).__name__}: {error}")
                    return

        thread = Thread(target=over_and_over, daemon=True)
        self.threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Let everybody finish what is under way."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(PATIENCE_SECONDS * 2)
        for caller in self.callers:
            caller.close()
        for thread in self.threads:
            if thread.is_alive():
                self.failures.append("a caller waits still, long after it was told to stop")

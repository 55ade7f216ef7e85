"""Clients of a server process: an API client, threads of API clients, and a browser session."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from http.cookiejar import CookieJar
from threading import Event, Thread
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from tests.support.sessions import csrf_token

# The statuses of the portal during an outage of its database: the client must retry.
UNAVAILABLE = (503, 507)

# Longer than any response takes; a closed connection is reported at once.
TIMEOUT_SECONDS = 60
CONNECTION_ERRORS = (OSError, HTTPException)


@dataclass(frozen=True)
class ApiResponse:
    """A response of the API."""

    status: int
    headers: dict[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The parsed body."""
        return json.loads(self.text)


def ignore_response(_response: ApiResponse) -> None:
    """Do nothing."""


class ApiClient:
    """A client with a token, on one persistent connection (`keep_alive`) or on a new one for each request."""

    def __init__(
        self,
        port: int,
        token: str,
        *,
        keep_alive: bool = False,
        on_response: Callable[[ApiResponse], None] = ignore_response,
    ) -> None:
        self.port = port
        self.token = token
        self.keep_alive = keep_alive
        self.on_response = on_response
        self.connection: HTTPConnection | None = None
        self.etag = ""  # of the last poll

    def send(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json", **headers: str
    ) -> ApiResponse:
        """Send a request; write the names of headers with underscores.

        Raises one of CONNECTION_ERRORS if there is no response: the request may have taken effect or not.
        """
        sent_headers = {"Authorization": f"Bearer {self.token}"}
        sent_headers |= {name.replace("_", "-"): value for name, value in headers.items()}
        content = None
        if body is not None:
            sent_headers["Content-Type"] = content_type
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = self.connection or HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT_SECONDS)
        self.connection = None
        try:
            connection.request(method, path, content, sent_headers)
            received = connection.getresponse()
            received_headers = {name.lower(): value for name, value in received.getheaders()}
            response = ApiResponse(received.status, received_headers, received.read().decode())
            if self.keep_alive and not received.will_close:
                self.connection = connection
            self.on_response(response)
            return response
        finally:
            if self.connection is None:
                connection.close()

    def send_until_answered(self, method: str, path: str, body: Any, max_seconds: float = 60) -> ApiResponse:
        """Send a request, and again while there is no response or the portal is unavailable (503, 507)."""
        deadline = time.monotonic() + max_seconds
        while True:
            try:
                response = self.send(method, path, body)
                if response.status not in UNAVAILABLE or time.monotonic() > deadline:
                    return response
            except CONNECTION_ERRORS:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.02)

    def close(self) -> None:
        """Close the persistent connection."""
        if self.connection:
            self.connection.close()


@dataclass
class Workload:
    """Threads that send requests until they are stopped. `failures` collects unexpected results and exceptions."""

    on_response: Callable[[ApiResponse], None] = ignore_response
    failures: list[str] = field(default_factory=list)
    stopping: Event = field(default_factory=Event)
    threads: list[Thread] = field(default_factory=list)
    clients: list[ApiClient] = field(default_factory=list)

    def add_client(self, port: int, token: str, *, keep_alive: bool = False) -> ApiClient:
        """Create a client whose connection is closed at the end."""
        self.clients.append(ApiClient(port, token, keep_alive=keep_alive, on_response=self.on_response))
        return self.clients[-1]

    def start(self, task: Callable[[], None]) -> None:
        """Repeat a task in a new thread."""

        def repeat() -> None:
            while not self.stopping.is_set():
                try:
                    task()
                except Exception as error:
                    self.failures.append(f"a client failed with {type(error).__name__}: {error}")
                    return

        thread = Thread(target=repeat, daemon=True)
        self.threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """Let every thread finish its current task."""
        self.stopping.set()
        for thread in self.threads:
            thread.join(TIMEOUT_SECONDS * 2)
        for client in self.clients:
            client.close()
        for thread in self.threads:
            if thread.is_alive():
                self.failures.append("a client is still waiting long after the stop")


class BrowserSession:
    """A browser with its cookies and its current page."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.browser = build_opener(HTTPCookieProcessor(CookieJar()))
        self.page = ""

    def open(self, path: str, form: Mapping[str, str] | None = None) -> str:
        """Open a page, or submit a form with the CSRF token of the current page.

        Returns the status and the final path, such as "200 /batches".
        """
        data = None if form is None else urlencode({**form, "csrf_token": csrf_token(self.page)}).encode()
        try:
            with self.browser.open(f"{self.address}{path}", data, timeout=TIMEOUT_SECONDS) as page:
                self.page = page.read().decode()
                return f"{page.status} {page.url.removeprefix(self.address)}"
        except HTTPError as error:
            with error:
                return f"{error.code} {path}"

    def sign_in(self, email: str, password: str) -> str:
        """Sign in through the form; return the status and the final path."""
        self.open("/login?next=/batches")
        return self.open("/login?next=/batches", {"email": email, "password": password})

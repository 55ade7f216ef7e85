"""An app served by threads of this process, for real browsers."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing, nullcontext
from typing import Any
from urllib.request import urlopen

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler


class SilentHandler(WSGIRequestHandler):
    """Handles requests without an access log, as the production server does."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Write nothing."""


def close_responses(app: Flask) -> Any:
    """Return the app with responses that are closed even if the browser resets the connection.

    Werkzeug's server forgets to close them then, and Python warns of an unclosed static file at some later time.
    """

    def serve(environ: Any, start_response: Any) -> Iterator[bytes]:
        response: Any = app(environ, start_response)
        with closing(response) if hasattr(response, "close") else nullcontext(response) as chunks:
            yield from chunks

    return serve


class LiveServer(ThreadedWSGIServer):
    """An app on its own port that counts its open connections."""

    def __init__(self, app: Flask) -> None:
        super().__init__("127.0.0.1", 0, close_responses(app), handler=SilentHandler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.open = 0
        self.changed = threading.Condition()
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Count the connection in the only thread that accepts, before its own thread starts."""
        self.count(1)
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve the connection in its own thread, to its end."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.count(-1)

    def count(self, change: int) -> None:
        """Change the number of open connections."""
        with self.changed:
            self.open += change
            self.changed.notify_all()

    def wait_until_idle(self) -> None:
        """Wait until no connection is open: requests of a closed tab must not run into the next test."""
        with urlopen(f"{self.address}/healthz"):  # accepted after every earlier connection
            pass
        with self.changed:
            assert self.changed.wait_for(lambda: self.open == 0, timeout=60), "a request does not end"

    def close(self) -> None:
        """Stop serving."""
        self.shutdown()
        self.server_close()

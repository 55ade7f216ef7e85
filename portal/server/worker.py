"""gunicorn's threaded worker, which cuts no request when it is told to stop, and speaks as the portal does."""

from __future__ import annotations

import json
import os
import secrets
import select
import selectors
import sys
import time
from concurrent.futures import Future
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn import util
from gunicorn.glogging import Logger
from gunicorn.http.errors import (
    ConfigurationProblem,
    ExpectationFailed,
    ForbiddenProxyRequest,
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
    UnsupportedTransferCoding,
)
from gunicorn.workers.gthread import _DEFER, STOP_KEEPALIVE_LINGER, TConn, ThreadWorker

from portal.server import stopping
from portal.telemetry.logs import log_format, make_formatter
from portal.web.envelope import error_body
from portal.web.errors import error_text
from portal.web.request_hooks import JSON_HEADERS

# What was sent and cannot be read as HTTP, by the first of these that it is.
UNREADABLE: tuple[tuple[type[Exception], int], ...] = (
    (InvalidResponseHeader, 500),
    (InvalidResponseHeaderName, 500),
    (ConfigurationProblem, 500),
    (LimitRequestLine, 414),
    (LimitRequestHeaders, 431),
    (ExpectationFailed, 417),
    (UnsupportedTransferCoding, 501),
    (ForbiddenProxyRequest, 403),
    (ParseException, 400),
)

# How long another thread may keep this one waiting between its last look at the door and the closing of it: who comes
# within that instant is lost. Python's own 5 ms let in several.
SWITCH_SECONDS = 0.0001

# What is sent with a connection is there by then. Later it is waited for beside the others, at no thread's cost.
FIRST_BYTE_SECONDS = 0.01


class PortalWorker(ThreadWorker):
    """A worker that serves what waits at its door before it closes it, and keeps no thread for who says nothing."""

    def load_wsgi(self) -> None:
        """Load the app, which may ask from then on whether it is to stop."""
        super().load_wsgi()
        stopping.set_stop_check(lambda: not self.alive)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Begin or cease to accept; at the end, what waits is taken and the door is closed.

        The kernel goes on completing connections for as long as any process holds the listening socket, and resets
        those that nobody took when the last one lets go. gunicorn's own worker holds it until its last request is
        done; this one lets go at once, so that who comes later is refused, or is another worker's, and not reset.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        soon = time.monotonic() + STOP_KEEPALIVE_LINGER  # as gunicorn itself does with those that were served before
        for silent in self.pending_conns:
            silent.timeout = min(silent.timeout, soon)
        sys.setswitchinterval(SWITCH_SECONDS)
        for listener in self.sockets:
            while has_waiting_connection(listener):
                self.accept(listener)
            listener.close()

    def handle(self, conn: TConn) -> object:
        """Serve a connection; one on which nothing comes at once is looked at again when something does.

        gunicorn's own worker has a thread wait for five seconds. Browsers open connections in advance, and eight that
        said nothing kept everybody else waiting.
        """
        if not (conn.initialized or conn.wait_for_data(FIRST_BYTE_SECONDS)):
            return _DEFER
        return super().handle(conn)

    def finish_request(self, conn: TConn, fs: Future[object]) -> None:
        """Look after a connection that was served, or on which nothing came yet; at a stop it is waited for briefly."""
        if fs.cancelled() or fs.exception() or fs.result() is not _DEFER:
            return super().finish_request(conn, fs)
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + (self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER)
        self.pending_conns.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))
        return None

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer what cannot be read as HTTP, in the API's envelope: it was no browser that sent it.

        Neither the answer nor the log holds what was sent.
        """
        code = next((code for kind, code in UNREADABLE if isinstance(exc, kind)), 500)
        if code == 500:
            self.log.error("failed outside of the portal", exc_info=exc)
        else:
            self.log.warning("a request could not be read: %s, %s", type(exc).__name__, code)
        try:
            util.write_nonblock(client, error_answer(code))
        except OSError:
            self.log.debug("nobody was there to read why")


def has_waiting_connection(listener: Any) -> bool:
    """Whether a connection waits to be accepted."""
    door = select.poll()
    door.register(listener.fileno(), select.POLLIN)
    return bool(door.poll(0))


def error_answer(code: int) -> bytes:
    """An error's answer as it goes over the wire, for a connection that ends with it."""
    phrase = HTTPStatus(code).phrase
    body = json.dumps(error_body(code, error_text(code).api)).encode()
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Request-Id": secrets.token_hex(8),
        **JSON_HEADERS,
    }
    lines = [f"HTTP/1.1 {code} {phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


class PortalLogger(Logger):
    """gunicorn's own words, in the form of every other line."""

    def _set_handler(self, log: Any, output: Any, fmt: Any, stream: Any = None) -> None:
        kind = log_format(os.environ.get("LOG_FORMAT") or "auto")
        super()._set_handler(log, output, make_formatter(kind), stream)

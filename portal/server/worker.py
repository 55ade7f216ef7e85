"""gunicorn's threaded worker with a graceful stop, limits for slow clients, and errors in the API's envelope."""

from __future__ import annotations

import bisect
import json
import os
import secrets
import select
import selectors
import socket
import struct
import sys
import threading
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
from portal.server.background import PeriodicTask, server_tasks
from portal.server.paced_unreader import PacedUnreader
from portal.telemetry.logs import LineFormatter, resolve_format
from portal.web import security_headers
from portal.web.envelope import error_body
from portal.web.errors import error_text

# The status of a request that is not valid HTTP; the first matching class counts.
PARSE_ERROR_STATUSES: tuple[tuple[type[Exception], int], ...] = (
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

# The interval at which threads switch while the listening socket is closed. A connection that arrives between the last
# check and the closing is lost; Python's default of 5 ms lost several.
SWITCH_INTERVAL_SECONDS = 0.0001

# Time in which a client that sends a request with its connection has sent the first byte. Slower clients wait in the
# poller, without a thread.
FIRST_BYTE_SECONDS = 0.01

# Time for the whole head of a request: its first line and its headers. Until then it waits in the poller, too.
HEAD_SECONDS = 10
HEAD_END = b"\r\n\r\n"

# Time that a thread waits for the next bytes of a body (see also paced_unreader.py), or for a client to take the next
# bytes of a response.
SILENCE_SECONDS = 30


class PortalWorker(ThreadWorker):
    """A worker that serves waiting connections before it stops, and has no thread wait for silent clients."""

    tasks: tuple[PeriodicTask, ...] = ()

    def load_wsgi(self) -> None:
        """Load the app and register the check for shutdown."""
        super().load_wsgi()
        self.body_slots = threading.Semaphore(max(1, self.cfg.threads // 2))
        stopping.set_stop_check(lambda: not self.alive)
        self.tasks = server_tasks()

    def notify(self) -> None:
        """Report to the server that this worker is alive, and start the background tasks that are due."""
        super().notify()
        if self.alive:
            for task in self.tasks:
                task.start_if_due(self.wsgi)

    def set_accept_enabled(self, enabled: bool) -> None:
        """Start or stop accepting connections. At a stop, accept the waiting ones and close the listening socket.

        The kernel completes connections as long as a process has the socket open, and resets those that were never
        accepted when the last process closes it. gunicorn's worker keeps it open until its last request is done. This
        one closes it at once, so that later clients are refused or reach another worker, and are not reset.
        """
        super().set_accept_enabled(enabled)
        if enabled or self.alive:
            return
        latest = time.monotonic() + STOP_KEEPALIVE_LINGER  # as gunicorn does for idle keep-alive connections
        for connection in self.pending_conns:
            connection.timeout = min(connection.timeout, latest)
        sys.setswitchinterval(SWITCH_INTERVAL_SECONDS)
        for listener in self.sockets:
            while has_waiting_connection(listener):
                self.accept(listener)
            listener.close()

    def handle(self, conn: TConn) -> object:
        """Serve a connection, or defer it until the head of a request has arrived.

        A thread of gunicorn's worker waits for the first byte for five seconds, and for the rest without a limit.
        Browsers open connections in advance, so eight silent ones blocked all other clients.
        """
        if not (conn.initialized or conn.wait_for_data(FIRST_BYTE_SECONDS)):
            return _DEFER
        if not conn.initialized:
            conn.init()
            conn.parser.unreader = PacedUnreader(conn.sock, self.body_slots)
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                conn.sock.setsockopt(socket.SOL_SOCKET, option, struct.pack("@ll", SILENCE_SECONDS, 0))
        if not receive_head(conn):
            conn.head_deadline = getattr(conn, "head_deadline", None) or time.monotonic() + HEAD_SECONDS
            return _DEFER
        conn.head_deadline = None
        unreader: PacedUnreader = conn.parser.unreader
        unreader.start_body()
        try:
            keeps_connection = super().handle(conn)
        finally:
            unreader.end_body()
        return keeps_connection and not unreader.is_too_slow

    def finish_request(self, conn: TConn, fs: Future[object]) -> None:
        """Finish a served connection, or return a deferred one to the poller; briefly at a stop."""
        if fs.cancelled() or fs.exception() or fs.result() is not _DEFER:
            return super().finish_request(conn, fs)
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + (self.cfg.keepalive if self.alive else STOP_KEEPALIVE_LINGER)
        conn.timeout = min(conn.timeout, getattr(conn, "head_deadline", None) or conn.timeout)
        bisect.insort(self.pending_conns, conn, key=lambda pending: pending.timeout)  # murder_pending expects the order
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(self.on_pending_socket_readable, conn))
        return None

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        """Answer invalid HTTP in the API's envelope. Neither the response nor the log contains what was sent."""
        code = next((code for kind, code in PARSE_ERROR_STATUSES if isinstance(exc, kind)), 500)
        if code == 500:
            self.log.error("unexpected failure of the server", exc_info=exc)
        else:
            self.log.warning("invalid HTTP request: %s, %s", type(exc).__name__, code)
        try:
            util.write_nonblock(client, error_response_bytes(code))
        except OSError:
            self.log.debug("client disconnected before the error response")


def receive_head(conn: TConn) -> bool:
    """Move what has arrived into the parser's buffer, and return whether the parser can do its work without waiting.

    That is so once the head is complete, too long or cut off: the parser answers these.
    """
    buffer = conn.parser.unreader.buf
    conn.sock.setblocking(False)
    while not is_head_decided(head := buffer.getvalue(), conn.cfg):
        try:
            data = conn.sock.recv(65_536)
        except BlockingIOError:
            return False
        except OSError:
            return True
        if not data:
            return True
        buffer.seek(len(head))
        buffer.write(data)
    return True


def is_head_decided(head: bytes, config: Any) -> bool:
    """Return whether a head is complete or longer than the parser accepts."""
    longest = config.limit_request_line + config.limit_request_fields * (config.limit_request_field_size + 4)
    has_long_line = len(head) > config.limit_request_line + 2 and b"\r\n" not in head[: config.limit_request_line + 2]
    return HEAD_END in head or has_long_line or len(head) > longest


def has_waiting_connection(listener: Any) -> bool:
    """Return whether a connection waits to be accepted."""
    poller = select.poll()
    poller.register(listener.fileno(), select.POLLIN)
    return bool(poller.poll(0))


def error_response_bytes(code: int) -> bytes:
    """Return an error response for a connection that is closed after it."""
    phrase = HTTPStatus(code).phrase
    body = json.dumps(error_body(code, error_text(code).api)).encode()
    headers = {
        "Connection": "close",
        "Content-Type": "application/json",
        "Content-Length": str(len(body)),
        "Cache-Control": "no-store",
        "X-Request-Id": secrets.token_hex(8),
        **security_headers.JSON,
    }
    lines = [f"HTTP/1.1 {code} {phrase}", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode() + body


class PortalLogger(Logger):
    """Write gunicorn's log in the format of the portal's log."""

    def _set_handler(self, log: Any, output: Any, fmt: Any, stream: Any = None) -> None:
        line_format = resolve_format(os.environ.get("LOG_FORMAT") or "auto")
        super()._set_handler(log, output, LineFormatter(line_format), stream)

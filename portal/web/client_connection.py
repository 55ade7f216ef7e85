"""Whether the client of a request still waits for the answer, so that long work can stop if not."""

from __future__ import annotations

import select
import socket

from flask import has_request_context, request

SOCKET = "gunicorn.socket"  # in the WSGI environment; other servers, and tests, have none


class ClientGone(Exception):
    """The client has closed the connection."""


def has_client_gone() -> bool:
    """Return whether the client has closed its side of the connection; a proxy does so when its own client leaves."""
    connection: socket.socket | None = request.environ.get(SOCKET) if has_request_context() else None
    if connection is None:
        return False
    try:
        poller = select.poll()
        poller.register(connection.fileno(), select.POLLIN)
        return bool(poller.poll(0)) and connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except (OSError, ValueError):  # reset, or closed by the server
        return True


def stop_if_client_gone(*_progress: object) -> None:
    """Raise ClientGone if the client has gone. Long work calls this with its progress."""
    if has_client_gone():
        raise ClientGone

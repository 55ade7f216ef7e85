"""The server of the browser tests."""

from __future__ import annotations

import gc
import socket
import struct
from collections.abc import Iterator

from flask import Flask, Response

from tests.support.live_server import LiveServer

RESETS = 60  # the server forgot to close about one response in five of them
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


def test_responses_are_closed_when_the_browser_resets_its_connection() -> None:
    app, opened, closed = Flask("streaming"), [], []
    app.add_url_rule("/healthz", view_func=lambda: "ok")  # wait_until_idle asks for it

    @app.get("/")
    def stream() -> Response:
        def chunks() -> Iterator[bytes]:
            yield from (b"x" * 10_000 for _ in range(20))

        opened.append(1)
        response = Response(chunks())
        response.call_on_close(lambda: closed.append(1))
        return response

    server = LiveServer(app)
    for _ in range(RESETS):
        with socket.create_connection(("127.0.0.1", server.server_port)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
            client.send(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
            client.recv(1)
    server.wait_until_idle()
    gc.collect()  # a reset leaves a traceback that refers to the response
    server.close()
    assert len(closed) == len(opened) == RESETS

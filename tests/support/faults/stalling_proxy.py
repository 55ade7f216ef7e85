"""A proxy in front of a database server that can stall: it holds all bytes back until it flows again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

CHUNK = 65_536


class StallingProxy:
    """Forwards connections from a TCP port of this machine to a Unix socket."""

    def __init__(self, upstream: Path) -> None:
        self.upstream = upstream
        self.flowing = Event()
        self.flowing.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.open: list[socket.socket] = []

    def serve(self) -> None:
        """Accept connections until the listener is closed."""
        with suppress(OSError):
            while True:
                client, _ = self.listener.accept()
                self.open.append(client)
                server = socket.socket(socket.AF_UNIX)
                self.open.append(server)
                server.connect(str(self.upstream))
                for source, sink in ((client, server), (server, client)):
                    Thread(target=self.forward, args=(source, sink), daemon=True).start()

    def forward(self, source: socket.socket, sink: socket.socket) -> None:
        """Forward bytes while the proxy flows; the end of one side ends both."""
        with suppress(OSError):
            while chunk := source.recv(CHUNK):
                self.flowing.wait()
                sink.sendall(chunk)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def stalled(self) -> Iterator[None]:
        """Forward nothing within the block."""
        self.flowing.clear()
        try:
            yield
        finally:
            self.flowing.set()


@contextmanager
def stalling_proxy(upstream: Path) -> Iterator[StallingProxy]:
    """Run a proxy until the end of the block."""
    proxy = StallingProxy(upstream)
    Thread(target=proxy.serve, daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.flowing.set()
        for end in (proxy.listener, *proxy.open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

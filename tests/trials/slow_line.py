"""A line to a database server that can be made to stand still: bytes wait in it, and come when it is well again."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Thread

PIECE = 65_536


class SlowLine:
    """Takes connections on a port of this machine and hands their bytes on to a socket in the file system."""

    def __init__(self, upstream: Path) -> None:
        self.upstream = upstream
        self.flows = Event()
        self.flows.set()
        self.door = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.door.getsockname()[1]
        self.open: list[socket.socket] = []

    def serve(self) -> None:
        """Take connections until the door is closed."""
        with suppress(OSError):
            while True:
                here, _ = self.door.accept()
                self.open.append(here)
                there = socket.socket(socket.AF_UNIX)
                self.open.append(there)
                there.connect(str(self.upstream))
                for source, sink in ((here, there), (there, here)):
                    Thread(target=self.hand_on, args=(source, sink), daemon=True).start()

    def hand_on(self, source: socket.socket, sink: socket.socket) -> None:
        """Everything that one says, to the other, while it flows; the end of one is the end of both."""
        with suppress(OSError):
            while piece := source.recv(PIECE):
                self.flows.wait()
                sink.sendall(piece)
        for end in (source, sink):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def still(self) -> Iterator[None]:
        """Nothing flows within the block."""
        self.flows.clear()
        try:
            yield
        finally:
            self.flows.set()


@contextmanager
def slow_line(upstream: Path) -> Iterator[SlowLine]:
    """Such a line, cut after the block."""
    line = SlowLine(upstream)
    Thread(target=line.serve, daemon=True).start()
    try:
        yield line
    finally:
        line.flows.set()
        for end in (line.door, *line.open):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

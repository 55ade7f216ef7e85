"""Servers under measurement: started on a free port of this machine, and stopped by their own process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import cycle, islice
from pathlib import Path

from tests.benchmarks.stores import BUILD, ROOT

START_SECONDS = 60


@dataclass(frozen=True)
class Server:
    """A server that answers."""

    port: int
    process: subprocess.Popen

    def worker(self) -> int:
        """The process id of gunicorn's one worker; where it is just being replaced, of the next one."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        for _ in range(100):
            if found := children.read_text().split():
                return int(found[0])
            time.sleep(0.1)
        raise RuntimeError("the server has no worker")


# Below those that the kernel gives to whoever asks for any: one of them could be somebody's before the server that was
# told of it is up. Each process begins elsewhere among them.
FIRST_PORT, PORTS = 20_000, 12_000
ports = cycle(FIRST_PORT + (os.getpid() * 97 + number) % PORTS for number in range(PORTS))


def free_port() -> int:
    """A port that nothing listens on, nor will until the server does that it is for."""
    for port in islice(ports, PORTS):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no port is free")


@contextmanager
def serving(name: str, command: Sequence[str], environ: Mapping[str, str]) -> Iterator[Server]:
    """A server, as soon as it listens; `{port}` in the command and PORT in its environment tell it where.

    What it says goes to a file under build/. Raises RuntimeError when it ends or does not listen in time.
    """
    port = free_port()
    log = BUILD / "logs" / f"{name}.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    words = [word.format(port=port) for word in command]
    inherited = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "SECRET_KEY")}
    with log.open("w") as said:
        process = subprocess.Popen(
            words,
            cwd=ROOT,
            env={**inherited, **environ, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours to pass on
        )
    try:
        wait_until_listening(name, process, port, log)
        yield Server(port, process)
    finally:
        stop(process)


def wait_until_listening(name: str, process: subprocess.Popen, port: int, log: Path) -> None:
    """Return once the port takes connections."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                tail = " / ".join(log.read_text().splitlines()[-3:])
                raise RuntimeError(f"{name} does not start: {tail}") from None
            time.sleep(0.1)


def stop(process: subprocess.Popen) -> None:
    """End the server and its workers, gently first."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, sign)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                continue


def resident_bytes(pid: int) -> int:
    """The memory of a process that is in use (RSS)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

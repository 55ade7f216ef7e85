"""Server processes, started on a free port of this machine and stopped by their own process id."""

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

from portal.version import ROOT

LOGS = ROOT / "build" / "server-logs"
START_SECONDS = 60


@dataclass(frozen=True)
class ServerProcess:
    """A server that accepts connections."""

    port: int
    process: subprocess.Popen

    def workers(self) -> list[int]:
        """Return the process ids of gunicorn's workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in children.read_text().split()]

    def only_worker(self) -> int:
        """Return the process id of gunicorn's only worker; wait for its successor if it is being replaced."""
        for _ in range(100):
            if workers := self.workers():
                return workers[0]
            time.sleep(0.1)
        raise RuntimeError("the server has no worker")


# Below the kernel's range of ephemeral ports: another process could receive one of those before the server listens.
# Each process starts its search at another port.
FIRST_PORT, PORTS = 20_000, 12_000
ports = cycle(FIRST_PORT + (os.getpid() * 97 + number) % PORTS for number in range(PORTS))


def free_port() -> int:
    """Return a port that is free now and that the kernel gives to no other process."""
    for port in islice(ports, PORTS):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise RuntimeError("no port is free")


@contextmanager
def run_server(name: str, command: Sequence[str], environ: Mapping[str, str]) -> Iterator[ServerProcess]:
    """Run a server and yield it once it listens. `{port}` in the command and PORT in its environment give the port.

    Its output goes to a file in LOGS. Raises RuntimeError if it ends or does not listen in time.
    """
    port = free_port()
    LOGS.mkdir(parents=True, exist_ok=True)
    log = LOGS / f"{name}.log"
    inherited = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "SECRET_KEY")}
    with log.open("w") as output:
        process = subprocess.Popen(
            [word.format(port=port) for word in command],
            cwd=ROOT,
            env={**inherited, **environ, "PORT": str(port)},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # this process decides when Ctrl-C stops the server
        )
    try:
        wait_until_listening(name, process, port, log)
        yield ServerProcess(port, process)
    finally:
        stop_process_group(process)


def wait_until_listening(name: str, process: subprocess.Popen, port: int, log: Path) -> None:
    """Return once the port accepts connections."""
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


def stop_process_group(process: subprocess.Popen) -> None:
    """Stop the server and its workers: SIGTERM first, then SIGKILL."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            os.killpg(process.pid, sign)
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                continue


def kill(pid: int) -> bool:
    """Kill a process at once; return whether it was running."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process (RSS) in bytes."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")

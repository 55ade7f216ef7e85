"""How gunicorn serves the portal; `gunicorn wsgi:app` reads this file by itself."""

import atexit
import os
import shutil
import signal
import socket
import sys
import tempfile
from pathlib import Path
from typing import Any

METRICS = "PROMETHEUS_MULTIPROC_DIR"
MEMORY = Path("/dev/shm")


def metrics_folder() -> None:
    """A folder of this server's own, in which its workers keep their figures; it goes when the server does.

    A server that takes over from a running one inherits its environment, and must not share its folder.
    """
    mine = f"portal-metrics-{os.getpid()}-"
    if Path(os.environ.get(METRICS, "")).name.startswith(mine):
        return  # this file is read again at a reload
    folder = tempfile.mkdtemp(prefix=mine, dir=MEMORY if os.access(MEMORY, os.W_OK) else None)
    os.environ[METRICS] = folder
    server = os.getpid()
    atexit.register(lambda: os.getpid() == server and shutil.rmtree(folder, ignore_errors=True))


if __name__ != "__main__":
    metrics_folder()  # before anything counts: how it counts is settled when the library is imported

from portal.config import SETTINGS, SettingError  # noqa: E402

try:
    values = {setting.name: setting.read(os.environ) for setting in SETTINGS}
except SettingError as error:
    sys.exit(str(error))

host, port = values["HOST"], values["PORT"]
bind = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"

worker_class = "portal.server.worker.PortalWorker"
logger_class = "portal.server.worker.PortalLogger"
workers = values["WEB_WORKERS"]
threads = values["WEB_THREADS"]

# The app is built once, before the workers: what is wrong with it ends the start at once, and its code is in memory
# once. Building it opens no connection to the database, so none crosses the fork (tests/guards/test_start.py).
preload_app = True

timeout = 60  # seconds; a worker that is silent for so long is replaced
graceful_timeout = 30  # seconds that requests under way have left when the server is told to stop

# Seconds that a connection is kept for the next request. Longer than proxies keep theirs (nginx, and balancers that are
# rented: 60), and than a program that polls rests: what is sent into a connection that is being closed has no answer.
keepalive = 75
max_requests = 0  # workers live as long as the server does

# More than that is answered by 414 or 431 (portal/server/worker.py).
limit_request_line = 8190
limit_request_field_size = 8190
limit_request_fields = 64

# PROXIES decides which forwarded headers are trusted (portal/web/request_hooks.py), not the server.
secure_scheme_headers: dict[str, str] = {}
forwarded_allow_ips = ""

accesslog = None  # the portal writes a line for each request, without its address: that may hold a phone number
loglevel = values["LOG_LEVEL"].lower()
control_socket_disable = True  # it would lie below the home folder, which may be read-only
if MEMORY.is_dir():
    worker_tmp_dir = str(MEMORY)  # in memory: a slow disk must not make a worker look dead


def when_ready(server: Any) -> None:
    """Ctrl-C lets requests under way finish, as SIGTERM does."""
    signal.signal(signal.SIGINT, lambda *_: server.signal(signal.SIGTERM, None))


def post_worker_init(_worker: Any) -> None:
    """A terminal sends Ctrl-C to the workers too; they wait for the server's word."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def child_exit(_server: Any, worker: Any) -> None:
    """What a worker had under way when it ended is under way no more."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def check_address() -> None:
    """End with a plain word when the address cannot be listened on: `make run` asks before it does anything else."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        sys.exit(f"{bind} cannot be listened on: {reason}. For another port: PORT=8001 make run")


if __name__ == "__main__":
    check_address()

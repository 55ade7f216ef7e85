"""Settings of gunicorn; `gunicorn wsgi:app` reads this file by default."""

import atexit
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

METRICS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"
SHARED_MEMORY = Path("/dev/shm")
EMBEDDED_DIALER = Path(__file__).resolve().parent / "portal" / "server" / "embedded_dialer.py"
DIALER_STOP_SECONDS = 20


def create_metrics_folder() -> None:
    """Create the folder for the metrics of this server's workers, and remove it when the server exits.

    A server that replaces a running one inherits its environment, and needs a folder of its own.
    """
    prefix = f"portal-metrics-{os.getpid()}-"
    if Path(os.environ.get(METRICS_VARIABLE, "")).name.startswith(prefix):
        return  # a reload reads this file again
    folder = tempfile.mkdtemp(prefix=prefix, dir=SHARED_MEMORY if os.access(SHARED_MEMORY, os.W_OK) else None)
    os.environ[METRICS_VARIABLE] = folder
    server = os.getpid()
    atexit.register(lambda: os.getpid() == server and shutil.rmtree(folder, ignore_errors=True))


os.umask(0o077)  # no other user may read what the server creates (portal/instance_folder.py)
if __name__ != "__main__":
    create_metrics_folder()  # before prometheus_client is imported, which reads the variable

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

# The app is created once, before the workers: errors stop the server at once, and the code is in memory once. Creating
# it opens no database connection, so no connection is shared across a fork (tests/guards/test_start.py).
preload_app = True

timeout = 60  # seconds after which an unresponsive worker is replaced
graceful_timeout = 30  # seconds that requests in progress may take after a stop signal

# Seconds that an idle connection stays open. Longer than proxies and cloud load balancers keep theirs (60), and than
# the interval of polling clients: a request on a connection that is being closed gets no response.
keepalive = 75
max_requests = 0  # workers are not restarted

# Larger requests are answered with 414 or 431 (portal/server/worker.py).
limit_request_line = 8190
limit_request_field_size = 8190
limit_request_fields = 64

# PROXIES decides which forwarded headers are trusted (portal/web/request_hooks.py), not the server.
secure_scheme_headers: dict[str, str] = {}
forwarded_allow_ips = ""

accesslog = None  # the portal logs each request itself, without the URL, which may contain a phone number
loglevel = values["LOG_LEVEL"].lower()
control_socket_disable = True  # it would be in the home folder, which may be read-only
if SHARED_MEMORY.is_dir():
    worker_tmp_dir = str(SHARED_MEMORY)  # a slow disk must not make a worker look unresponsive


def when_ready(server: Any) -> None:
    """Let Ctrl-C finish the requests in progress, as SIGTERM does, and start the dialer."""
    signal.signal(signal.SIGINT, lambda *_: server.signal(signal.SIGTERM, None))
    start_dialer(server)


def start_dialer(server: Any) -> None:
    """Start a dialer that ends with this server, unless it runs as a service of its own."""
    if values["DIALER"] == "embedded":
        # Its metrics are in the database, because dialers may run on other machines (portal/dialing/dialers).
        environ = {name: value for name, value in os.environ.items() if name != METRICS_VARIABLE}
        command = (sys.executable, "-P", EMBEDDED_DIALER, str(os.getpid()))
        server.dialer = subprocess.Popen(command, env=environ)  # noqa: S603 (constant words)


def is_dialer_running(server: Any) -> bool:
    """Return whether this server has started a dialer that has not ended."""
    return hasattr(server, "dialer") and server.dialer.poll() is None


def on_reload(server: Any) -> None:
    """Restart the dialer with the new settings, as the workers are."""
    if is_dialer_running(server):
        server.dialer.send_signal(signal.SIGHUP)
    else:
        start_dialer(server)


def on_exit(server: Any) -> None:
    """End the dialer. It also ends by itself if this process is killed."""
    if is_dialer_running(server):
        server.dialer.terminate()
        with suppress(subprocess.TimeoutExpired):
            server.dialer.wait(DIALER_STOP_SECONDS)


def post_worker_init(_worker: Any) -> None:
    """Ignore Ctrl-C, which a terminal also sends to the workers: the server stops them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def child_exit(_server: Any, worker: Any) -> None:
    """Remove the gauges of a worker that has ended."""
    from prometheus_client.multiprocess import mark_process_dead

    mark_process_dead(worker.pid)


def check_address() -> None:
    """Exit with a message if the address is not available; `make run` checks this first."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        reason = str(error.strerror).partition(" (")[0]
        sys.exit(f"Cannot listen on {bind}: {reason}. To use another port, run: PORT=8001 make run")


if __name__ == "__main__":
    check_address()

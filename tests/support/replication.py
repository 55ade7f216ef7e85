"""A PostgreSQL primary and its synchronous standby, which can replace each other."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from tests.support.missing import ServiceMissing
from tests.support.postgresql import PostgresqlServer, run_as_server_user, temporary_server
from tests.support.servers import kill

ATTACH_SECONDS = 30


@dataclass
class ReplicatedServers:
    """Two servers of one database: `primary` accepts writes, `standby` has each of them before its acknowledgement."""

    primary: PostgresqlServer
    standby: PostgresqlServer

    def url_of(self, database: str = "postgres") -> str:
        """Return a URL of a database on both servers, which connects to the one that accepts writes."""
        hosts = "&".join(f"host={quote(str(server.sockets))}" for server in (self.primary, self.standby))
        return f"postgresql://postgres@/{database}?{hosts}&target_session_attrs=read-write"

    def copy_to_standby(self) -> None:
        """Let the standby begin again as a copy of the primary, and let writes wait for it.

        Raises ServiceMissing if the program for the copy is not installed.
        """
        program = self.primary.programs / "pg_basebackup"
        if not program.exists():
            raise ServiceMissing("PostgreSQL's pg_basebackup is not installed on this machine")
        data = self.standby.home / "data"
        shutil.rmtree(data, ignore_errors=True)
        options = ("--write-recovery-conf", "--checkpoint=fast", "--no-sync", "--username=postgres")
        run_as_server_user(
            program, "--pgdata", data, "--host", self.primary.sockets, *options, folder=self.standby.home
        )
        self.standby.start()
        self.primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
        self.primary.execute("SELECT pg_reload_conf()")
        self.wait_until_synchronous()

    def wait_until_synchronous(self) -> None:
        """Return once the standby has everything, so that its promotion loses nothing."""
        deadline = time.monotonic() + ATTACH_SECONDS
        with psycopg.connect(self.primary.url_of(), autocommit=True) as connection:
            while not connection.execute("SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'").fetchone():
                if time.monotonic() > deadline:
                    raise RuntimeError("the standby is not synchronous")
                time.sleep(0.02)

    def kill_primary(self) -> None:
        """Kill every process of the primary, as the loss of its machine does."""
        server = int((self.primary.home / "data" / "postmaster.pid").read_text().split()[0])
        children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
        os.kill(server, signal.SIGSTOP)  # so that it starts no further processes
        for pid in (*map(int, children), server):
            kill(pid)

    def promote(self) -> None:
        """Let the standby accept writes; it becomes the primary."""
        self.standby.control("promote")
        self.primary, self.standby = self.standby, self.primary


@contextmanager
def replicated_servers() -> Iterator[ReplicatedServers]:
    """Run a primary and a synchronous standby on this machine. Raises ServiceMissing."""
    with ExitStack() as stack:
        primary = stack.enter_context(temporary_server(durable=True))
        standby = stack.enter_context(temporary_server(durable=True))
        standby.stop("immediate")
        servers = ReplicatedServers(primary, standby)
        servers.copy_to_standby()
        try:
            yield servers
        finally:
            for server in (primary, standby):
                with suppress(ServiceMissing):  # one of them may have been killed
                    server.stop("immediate")
                (server.home / "data" / "postmaster.pid").unlink(missing_ok=True)

"""The primary PostgreSQL server is lost under load, and its synchronous standby takes its place."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from unittest.mock import patch

from portal.extensions import db
from tests.support.http_client import CONNECTION_ERRORS, ApiClient, Workload
from tests.support.replication import ReplicatedServers, replicated_servers
from tests.support.servers import ServerProcess
from tests.trials.app import break_server, portal_on, run_portal
from tests.trials.lost_writes import WriteLog
from tests.trials.restarts import read
from tests.trials.trial import Conditions, Outcome, Trial

NODES, SHORT_NODES = 3, 2
CONSECUTIVE = 5  # requests to each node
DETECTION_SECONDS = 2.3  # as long as a manager of standbys may take to notice a loss
MAX_RECOVERY_SECONDS = 5  # after the promotion


@dataclass
class Recovery:
    """The longest times in seconds from a promotion until every node reads, and until every node writes."""

    reads: float = 0.0
    writes: float = 0.0
    failures: list[str] = field(default_factory=list)

    def wait(self, nodes: list[ServerProcess], write_log: WriteLog) -> None:
        """Wait until every node reads and writes again."""
        started = time.monotonic()
        clients = [ApiClient(node.port, write_log.token) for node in nodes]
        for client in clients:
            self.wait_for(client, started, "GET", f"/api/call/batches/{write_log.owner.id}", None)
        self.reads = max(self.reads, time.monotonic() - started)
        body = {"batchName": "Recovered", "callingNumbers": ["+12025550199"]}
        for client in clients:
            self.wait_for(client, started, "POST", "/api/call/createBatch", body)
        self.writes = max(self.writes, time.monotonic() - started)

    def wait_for(self, client: ApiClient, started: float, method: str, path: str, body: object) -> None:
        """Send a request until several of them succeed in a row."""
        successes, answer = 0, ""
        while successes < CONSECUTIVE:
            if time.monotonic() > started + 30:
                self.failures.append(f"{method} fails 30 s after the promotion: {answer}")
                return
            try:
                response = client.send(method, path, body)
                answer = f"{response.status} {response.text[:200]}"
                successes = successes + 1 if response.status < 300 else 0
            except CONNECTION_ERRORS as error:
                successes, answer = 0, type(error).__name__
            if not successes:
                time.sleep(0.02)


def run(conditions: Conditions) -> Outcome:
    """Kill the primary under load and promote its standby; then the other one becomes the standby."""
    losses, recovery, statuses = 0, Recovery(), []
    with (
        replicated_servers() as servers,
        conditions.monitor.listening(),
        portal_on(servers.url_of()) as app,
    ):
        write_log, workload = WriteLog(app, conditions.seed), Workload()
        with app.app_context():
            db.engine.dispose()  # its connections would not survive the first loss
        with running_nodes(NODES if conditions.full else SHORT_NODES, servers, workload, write_log, statuses) as nodes:
            while losses < conditions.max_count and not conditions.should_stop(workload.failures + recovery.failures):
                time.sleep(1)
                servers.kill_primary()
                time.sleep(DETECTION_SECONDS if conditions.full else 0.5)
                servers.promote()
                recovery.wait(nodes, write_log)
                losses += 1
                conditions.report_progress(f"{losses} losses, {write_log.acknowledged:,} writes acknowledged")
                if losses < conditions.max_count:
                    servers.copy_to_standby()
            workload.stop()
        slowest = max(recovery.reads, recovery.writes)
        if conditions.full and slowest > MAX_RECOVERY_SECONDS:
            recovery.failures.append(f"the recovery took {slowest:.1f} s after the promotion")
        failures = workload.failures + recovery.failures + write_log.check()
    figures = {
        "acknowledged": f"{write_log.acknowledged:,}",
        "reads": f"{len(statuses):,}",
        "reads answered 503": f"{statuses.count(503):,}",
        "reads again after a promotion": f"{recovery.reads:.1f} s",
        "writes again": f"{recovery.writes:.1f} s",
    }
    return Outcome(losses, failures, figures)


@contextmanager
def running_nodes(
    number: int, servers: ReplicatedServers, workload: Workload, write_log: WriteLog, statuses: list[int]
) -> Iterator[list[ServerProcess]]:
    """Run several nodes, a reader on each of them and the writers on the first."""
    with ExitStack() as stack:
        nodes = [stack.enter_context(run_portal(servers.url_of())) for _ in range(number)]
        write_log.start(workload, nodes[0].port)
        for node in nodes:
            reader = workload.add_client(node.port, write_log.token)
            workload.start(partial(read, write_log, reader, workload, statuses))
        yield nodes


@contextmanager
def write_before_the_standby() -> Iterator[None]:
    """Lose a primary whose writes have not waited for its standby for a second."""
    kill_primary = ReplicatedServers.kill_primary

    def fall_behind(servers: ReplicatedServers) -> None:
        for server, change in (
            (servers.primary, "ALTER SYSTEM RESET synchronous_standby_names"),
            (servers.standby, "ALTER SYSTEM SET primary_conninfo = ''"),
        ):
            server.execute(change)
            server.execute("SELECT pg_reload_conf()")
        time.sleep(1)
        kill_primary(servers)

    with patch.object(ReplicatedServers, "kill_primary", fall_behind):
        yield


TRIAL = Trial(
    name="failover",
    title="the primary PostgreSQL server killed under load, its synchronous standby promoted; three nodes",
    passes_when="0 acknowledged writes lost; errors only as 503 with Retry-After; recovery within 5 s",
    unit="losses",
    full=20,
    short=1,
    run=run,
    starts_servers=True,
    defects={
        "an outage of the database is reported as an internal error": partial(break_server, "answers 500"),
        "writes do not wait for the standby": write_before_the_standby,
    },
    databases=("postgresql",),
)

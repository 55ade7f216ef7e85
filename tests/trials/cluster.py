"""A PostgreSQL server of the trials' own, to be stopped and started; it writes to the disk as one in earnest does."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from tests.support import services

# Over what the tests' servers have: an acknowledged change outlives a server that is stopped at once.
DURABLE = "fsync = on\nsynchronous_commit = on\nfull_page_writes = on\n"


@dataclass(frozen=True)
class Cluster:
    """A server that is running: where its programs and its data are."""

    programs: Path
    folder: Path

    @property
    def url(self) -> str:
        """Its own database."""
        return self.url_of("postgres")

    def url_of(self, name: str) -> str:
        """The database of that name."""
        return f"postgresql+psycopg://postgres@/{name}?host={quote(str(self.folder))}"

    def control(self, *words: str) -> None:
        """Have pg_ctl do something, and wait for its end. Raises Missing."""
        command = (self.programs / "pg_ctl", *words, "-w", "-D", self.folder / "data")
        services.run_program(*command, at=self.folder)

    def stop(self, mode: str) -> None:
        """Stop it: `fast` ends every connection, `immediate` does not even write down what is in memory."""
        self.control("stop", "-m", mode)

    def start(self) -> None:
        """Start it again; returns once it takes connections."""
        self.control("start", "-l", str(self.folder / "log"))


@contextmanager
def cluster() -> Iterator[Cluster]:
    """A server on a socket in a folder of its own, gone after the block. Raises Missing."""
    programs = services.postgresql_programs()
    folder = Path(tempfile.mkdtemp(prefix="portal-trial-", dir="/tmp" if services.AS_ROOT else None))
    found = Cluster(programs, folder)
    try:
        if services.AS_ROOT:
            found = Cluster(services.readable_by_all(programs, folder), folder)
            shutil.chown(folder, services.unprivileged())
        services.start_server(found.programs, folder, folder / "data")
        with (folder / "data" / "postgresql.conf").open("a") as settings:
            settings.write(DURABLE)
        found.control("restart", "-l", str(folder / "log"))
        yield found
    finally:
        if (folder / "data" / "postmaster.pid").exists():
            found.stop("immediate")
        shutil.rmtree(folder, ignore_errors=True)

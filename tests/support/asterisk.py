"""A real Asterisk with the configuration in deploy/asterisk, and SIPp as the people called, on this machine alone.

`python -m tests.support.asterisk` runs both until Ctrl-C, to try a trunk with.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from portal.version import ROOT
from tests.support.callees import write_scenario
from tests.support.missing import ServiceMissing
from tests.support.servers import free_port
from tests.support.telephony_packages import TelephonyPrograms, find_programs, unpack_packages

CONFIGURATION = ROOT / "deploy" / "asterisk"
PASSWORD = "for-tests-only"
START_SECONDS = 30
# What an answered call hears. A number with a 3 before its last digit is answered by a machine: SIPp sends no sound.
MESSAGE = """
exten => s,1,ExecIf($["${CHANNEL(accountcode):-2:1}" = "3"]?Set(AMDSTATUS=MACHINE))
 same => n,Wait(0.6)
 same => n,Return()
"""

INSTRUCTIONS = """
Create a trunk of the kind Asterisk:

    address   {address}
    secret    {secret}

No call leaves this machine. The last digit of the number called decides: 5 is busy, 6 is never answered,
7 is unavailable, 8 does not exist, 9 rejects the call, 4 hangs up early, and all others answer and listen.
Ctrl-C ends Asterisk and its calls.
"""


@dataclass
class Telephony:
    """Asterisk and the callees. `address` and `secret` are those of a trunk; the processes can be ended and started."""

    programs: TelephonyPrograms
    folder: Path
    http_port: int = field(default_factory=free_port)
    sip_port: int = field(default_factory=free_port)
    callees_port: int = field(default_factory=free_port)
    media_port: int = field(default_factory=free_port)
    asterisk: subprocess.Popen | None = None
    callees: subprocess.Popen | None = None

    @property
    def address(self) -> str:
        """Return the address of ARI."""
        return f"http://127.0.0.1:{self.http_port}"

    @property
    def secret(self) -> str:
        """Return the user and the password of ARI."""
        return f"portal:{PASSWORD}"

    def configure(self) -> None:
        """Write deploy's configuration with the ports and folders of this run."""
        folder = self.folder / "etc"
        for name in ("etc", "lib", "db", "spool", "run", "log/cdr-csv"):
            (self.folder / name).mkdir(parents=True)
        changes = {
            "http.conf": {"bindport = 8088": f"bindport = {self.http_port}"},
            "ari.conf": {"password = change-me": f"password = {PASSWORD}"},
            "pjsip.conf": {"127.0.0.1:5060": f"127.0.0.1:{self.sip_port}", "127.0.0.1:5070": self.callees_address},
        }
        for source in CONFIGURATION.glob("*.conf"):
            text = source.read_text()
            for before, after in changes.get(source.name, {}).items():
                assert before in text, f"{source.name} no longer contains {before}"
                text = text.replace(before, after)
            if source.name == "extensions.conf":
                head, heading, rest = text.partition("[portal-message]\n")
                text = f"{head}{heading}{MESSAGE}\n[{rest.partition('[')[2]}"
            (folder / source.name).write_text(text)
        folders = {"astetcdir": folder, "astmoddir": self.programs.modules, "astdatadir": self.programs.data}
        folders |= {"astvarlibdir": "lib", "astkeydir": "lib", "astdbdir": "db", "astspooldir": "spool"}
        folders |= {"astrundir": "run", "astlogdir": "log", "astagidir": "lib"}
        lines = [f"{name} => {self.folder / path}" for name, path in folders.items()]
        (folder / "asterisk.conf").write_text("\n".join(["[directories]", *lines, ""]))
        (self.folder / "callees.xml").write_text(write_scenario(self.sip_port))

    @property
    def callees_address(self) -> str:
        """Return the address at which SIPp listens."""
        return f"127.0.0.1:{self.callees_port}"

    def start_asterisk(self) -> None:
        """Start Asterisk and return once it can place calls. Raises ServiceMissing."""
        (self.folder / "run" / "asterisk.ctl").unlink(missing_ok=True)
        self.asterisk = self.start("asterisk.log", *self.asterisk_command, "-f")
        deadline = time.monotonic() + START_SECONDS
        while "fully booted" not in self.run_asterisk_command("core waitfullybooted"):
            if self.asterisk.poll() is not None or time.monotonic() > deadline:
                raise ServiceMissing(f"Asterisk does not start; see {self.folder / 'asterisk.log'}")
            time.sleep(0.05)

    def start_callees(self) -> None:
        """Start SIPp."""
        options = ("-sf", str(self.folder / "callees.xml"), "-i", "127.0.0.1", "-p", str(self.callees_port))
        media = ("-mi", "127.0.0.1", "-mp", str(self.media_port))
        log = ("-trace_logs", "-log_file", str(self.folder / "invites.log"))
        self.callees = self.start("sipp.log", self.programs.sipp, *options, *media, *log, "-nostdin")

    def start(self, log: str, *command: str) -> subprocess.Popen:
        """Start a program whose output goes to a file."""
        with (self.folder / log).open("w") as output:
            environ = {**os.environ, **self.programs.environ}
            return subprocess.Popen(
                command, cwd=self.folder, env=environ, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    @property
    def asterisk_command(self) -> tuple[str, ...]:
        """Return the command of this Asterisk."""
        return (self.programs.asterisk, "-C", str(self.folder / "etc" / "asterisk.conf"))

    def run_asterisk_command(self, text: str) -> str:
        """Return what Asterisk's command line answers; an empty text if it does not answer."""
        environ = {**os.environ, **self.programs.environ}
        command = [*self.asterisk_command, "-rx", text]
        return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=30, check=False).stdout

    def invited_numbers(self) -> list[str]:
        """Return the numbers that the callees were called at, in order."""
        return (self.folder / "invites.log").read_text().split()

    def kill_asterisk(self) -> None:
        """End Asterisk at once, with its calls. Its own way to stop would wait for them."""
        end_process(self.asterisk)

    def kill_callees(self) -> None:
        """End the callees at once."""
        end_process(self.callees)


def end_process(process: subprocess.Popen | None) -> None:
    """Kill a process, by its id, and wait for its end."""
    if process is not None:
        process.kill()
        process.wait(timeout=10)


@contextmanager
def run_telephony(folder: Path) -> Iterator[Telephony]:
    """Run Asterisk and the callees, with all files in `folder`. Raises ServiceMissing."""
    telephony = Telephony(find_programs(), folder)
    telephony.configure()
    try:
        telephony.start_callees()
        telephony.start_asterisk()
        yield telephony
    finally:
        telephony.kill_asterisk()
        telephony.kill_callees()


def main() -> None:
    """Run Asterisk and the callees until Ctrl-C, and print how to use them."""
    try:
        find_programs()
    except ServiceMissing:
        print("Unpacking Asterisk and SIPp …")
        unpack_packages()
    with tempfile.TemporaryDirectory(prefix="asterisk-") as folder, run_telephony(Path(folder)) as telephony:
        print(INSTRUCTIONS.format(address=telephony.address, secret=telephony.secret), flush=True)
        ends = {signal.SIGINT, signal.SIGTERM}
        signal.pthread_sigmask(signal.SIG_BLOCK, ends)
        signal.sigwait(ends)


if __name__ == "__main__":
    main()

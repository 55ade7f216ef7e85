"""Asterisk and SIPp for tests: those on the PATH, or Debian's packages, unpacked into a cache without installing them.

Debian 12 has no package of Asterisk, so both come from Debian 11, through the mirror that this machine's apt uses.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.missing import ServiceMissing

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "batch-portal" / "telephony-debian-11"
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
SUITE = "bullseye"
PACKAGES = (
    *(
        "asterisk",
        "asterisk-modules",
        "libbsd0",
        "libedit2",
        "libgsm1",
        "libicu67",
        "libjansson4",
        "libsrtp2-1",
        "libssl1.1",
    ),
    *("liburiparser1", "libxml2", "libxslt1.1"),
    *("sip-tester", "libgsl25", "libgslcblas0", "libpcap0.8", "libsctp1"),
)
LIBRARIES = ("usr/lib", "usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu")
SECONDS = 120


@dataclass(frozen=True)
class TelephonyPrograms:
    """The paths of the programs, of Asterisk's modules and data, and the environment that the programs need."""

    asterisk: str
    sipp: str
    modules: Path
    data: Path
    environ: dict[str, str] = field(default_factory=dict)


def find_programs() -> TelephonyPrograms:
    """Return installed or unpacked programs. Raises ServiceMissing."""
    asterisk, sipp = (shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin") for name in ("asterisk", "sipp"))
    if asterisk and sipp:
        modules = next(Path("/usr/lib").glob("**/asterisk/modules"), Path("/usr/lib/asterisk/modules"))
        return TelephonyPrograms(asterisk, sipp, modules, Path("/usr/share/asterisk"))
    if not CACHE.is_dir():
        raise ServiceMissing("Asterisk and SIPp are not installed on this machine")
    libraries = ":".join(str(CACHE / folder) for folder in LIBRARIES)
    return TelephonyPrograms(
        str(CACHE / "usr/sbin/asterisk"),
        str(CACHE / "usr/bin/sipp"),
        CACHE / "usr/lib/asterisk/modules",
        CACHE / "usr/share/asterisk",
        {"LD_LIBRARY_PATH": libraries},
    )


def unpack_packages() -> None:
    """Download and unpack the packages into the cache, whole or not at all. Raises ServiceMissing."""
    if not (shutil.which("apt-get") and shutil.which("dpkg") and KEYRING.exists()):
        raise ServiceMissing("Asterisk can only be unpacked on Debian")
    CACHE.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE.parent) as name:
        folder = Path(name)
        root = folder / "root"
        root.mkdir()
        for package in download_packages(folder):
            run("dpkg", "-x", str(package), str(root))
        with suppress(OSError):  # another process was faster
            root.rename(CACHE)


def download_packages(folder: Path) -> list[Path]:
    """Download the packages with an apt of its own, which knows one source and no installed package."""
    targets = run("apt-get", "indextargets", "--format", "$(REPO_URI)").split()
    mirrors = sorted({target for target in targets if "security" not in target})
    if not mirrors:
        raise ServiceMissing("apt has no package source on this machine")
    for name in ("state/lists/partial", "cache/archives/partial", "packages"):
        (folder / name).mkdir(parents=True)
    sources, status = folder / "sources.list", folder / "status"
    sources.write_text(f"deb [signed-by={KEYRING}] {mirrors[0]} {SUITE} main\n")
    status.touch()
    options = {
        "Dir::Etc::sourcelist": sources,
        "Dir::Etc::sourceparts": "-",
        "Dir::State": folder / "state",
        "Dir::State::status": status,
        "Dir::Cache": folder / "cache",
        "APT::Sandbox::User": "",  # the folder belongs to this user
    }
    flags = [word for name, value in options.items() for word in ("-o", f"{name}={value}")]
    run("apt-get", *flags, "-qq", "update")
    run("apt-get", *flags, "-qq", "download", *PACKAGES, folder=folder / "packages")
    return sorted((folder / "packages").glob("*.deb"))


def run(*command: str, folder: Path | None = None) -> str:
    """Return the output of a command. Raises ServiceMissing with its error."""
    try:
        result = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServiceMissing(f"{command[0]} does not work: {type(error).__name__}") from error
    if result.returncode:
        lines = (result.stderr or result.stdout).strip().splitlines()
        raise ServiceMissing(f"Asterisk cannot be unpacked: {lines[-1] if lines else command[0]}")
    return result.stdout

"""The dependencies: pins with hashes, unchanged vendored files, no known vulnerability."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest.mock import patch

from portal.version import ROOT
from tests.guards import test_vendor as vendor
from tests.trials.trial import NO_DATABASE, Conditions, Outcome, Trial

REQUIREMENTS = (
    "requirements.txt",
    "requirements-dev.txt",
    "tests/support/postgresql.txt",
    "tests/benchmarks/requirements.txt",
)

PIN = re.compile(r"^([A-Za-z0-9._-]+(?:\[[^\]]*\])?)==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


# pip-audit's service did not answer: neither passed nor failed.
NOT_CHECKED: tuple[list[str], str] = ([], "service did not answer")


def run(conditions: Conditions) -> Outcome:
    """Check every pin and every vendored file; at full size also ask for known vulnerabilities."""
    pins = [(name, pin, hashed) for name in REQUIREMENTS for pin, hashed in pins_of(ROOT / name)]
    failures = [f"{name}: {pin} has no hash" for name, pin, hashed in pins if not hashed]
    failures += [f"static/vendor: {problem}" for problem in changed_files()]
    failures += [f"{name} is missing or empty" for name in REQUIREMENTS if not any(one[0] == name for one in pins)]
    figures: dict[str, str | int | float] = {"pins": len(pins), "vendored files": len(vendor.listed_checksums())}
    untested = ""
    if conditions.full:
        found, summary = audit(ROOT / "requirements.txt", conditions)
        failures += found
        figures["pip-audit"] = summary
        untested = "pip-audit's service did not answer" if summary == NOT_CHECKED[1] else ""
    return Outcome(len(pins), failures, figures, untested)


def pins_of(path: Path) -> Iterator[tuple[str, bool]]:
    """Return each requirement of a file and whether it has a hash; an unpinned requirement counts as one without."""
    for line in logical_lines(path):
        pinned = PIN.match(line)
        yield (f"{pinned[1]}=={pinned[2]}", bool(HASH.search(line))) if pinned else (line[:60], False)


def logical_lines(path: Path) -> list[str]:
    """Return the requirements of a file with their hashes, one per line, without comments."""
    lines = path.read_text().replace("\\\n", " ").splitlines() if path.exists() else []
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def changed_files() -> list[str]:
    """Return the vendored files that differ from SHA256SUMS."""
    listed, present = vendor.listed_checksums(), vendor.actual_checksums()
    return [
        f"{name} is {'not listed' if name not in listed else 'missing' if name not in present else 'changed'}"
        for name in sorted(listed.keys() | present.keys())
        if listed.get(name) != present.get(name)
    ]


def audit(requirements: Path, conditions: Conditions) -> tuple[list[str], str]:
    """Return pip-audit's findings and a summary.

    The first request asks for one pin only: a service that does not know it is not asked for the others.
    """
    conditions.report_progress("running pip-audit")
    first = next(line for line in logical_lines(requirements) if PIN.match(line))
    with TemporaryDirectory() as folder:
        one = Path(folder) / "one.txt"
        one.write_text(f"{first}\n")
        found = run_pip_audit(one)
    return found if found == NOT_CHECKED else run_pip_audit(requirements)


def run_pip_audit(requirements: Path) -> tuple[list[str], str]:
    """Run pip-audit on a file."""
    options = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", "20", "--format", "json")
    command = (sys.executable, "-m", "pip_audit", *options, "-r", str(requirements))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        return summarize_audit(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError, subprocess.TimeoutExpired):
        return NOT_CHECKED


def summarize_audit(packages: list[dict]) -> tuple[list[str], str]:
    """Return the findings and a summary of pip-audit's answer; packages unknown to its service were not checked."""
    findings = [
        f"{one['name']} {one['version']}: {finding['id']}" for one in packages for finding in one.get("vulns", ())
    ]
    checked = [one for one in packages if "skip_reason" not in one]
    if not checked:
        return NOT_CHECKED
    unknown = len(packages) - len(checked)
    return findings, f"{len(checked)} checked" + (f", {unknown} unknown to its service" if unknown else "")


@contextmanager
def add_pin_without_hash() -> Iterator[None]:
    """Add a requirements file with a pin without a hash."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text(f"flask==3.1.3\nclick==8.0.0 --hash=sha256:{'0' * 64}\n")
        with patch(f"{__name__}.REQUIREMENTS", (*REQUIREMENTS, str(path))):
            yield


@contextmanager
def change_vendored_file() -> Iterator[None]:
    """Change the checksum of a vendored file."""
    changed = vendor.listed_checksums()
    changed[min(changed)] = "0" * 64
    with patch.object(vendor, "actual_checksums", lambda: changed):
        yield


TRIAL = Trial(
    name="dependencies",
    title="dependencies: pins, hashes, vendored files, known vulnerabilities",
    passes_when="pip-audit clean, hashes locked, vendored files match their sums",
    unit="pins",
    full=1,
    short=1,
    run=run,
    defects={"a pin without its hash": add_pin_without_hash, "a vendored file changed": change_vendored_file},
    databases=NO_DATABASE,
)

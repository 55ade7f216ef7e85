"""What the portal is built on: pins with hashes, vendored files as their makers made them, no known hole."""

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
from tests.trials.trial import NONE, Conditions, Outcome, Trial

REQUIREMENTS = (
    "requirements.txt",
    "requirements-dev.txt",
    "tests/support/postgresql.txt",
    "tests/benchmarks/requirements.txt",
)

PIN = re.compile(r"^([A-Za-z0-9._-]+(?:\[[^\]]*\])?)==([^\s;\\]+)")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


# No failure, and no word that there is none.
NOT_ASKED: tuple[list[str], str] = ([], "could not ask")


def run(conditions: Conditions) -> Outcome:
    """Look at every pin and every vendored file; at full figures ask for known vulnerabilities, too."""
    pins = [(name, pin, hashed) for name in REQUIREMENTS for pin, hashed in pins_of(ROOT / name)]
    failures = [f"{name}: {pin} has no hash" for name, pin, hashed in pins if not hashed]
    failures += [f"static/vendor: {problem}" for problem in changed_files()]
    failures += [f"{name} is missing or empty" for name in REQUIREMENTS if not any(one[0] == name for one in pins)]
    figures: dict[str, str | int | float] = {"pins": len(pins), "vendored files": len(vendor.listed())}
    left_out = ""
    if conditions.full:
        found, said = audit(ROOT / "requirements.txt", conditions)
        failures += found
        figures["pip-audit"] = said
        left_out = "pip-audit could not ask its service" if said == NOT_ASKED[1] else ""
    return Outcome(len(pins), failures, figures, left_out)


def pins_of(path: Path) -> Iterator[tuple[str, bool]]:
    """Each requirement of a file, and whether a hash stands with it. What is not pinned at all has none either."""
    for line in logical_lines(path):
        pinned = PIN.match(line)
        yield (f"{pinned[1]}=={pinned[2]}", bool(HASH.search(line))) if pinned else (line[:60], False)


def logical_lines(path: Path) -> list[str]:
    """The requirements of a file, each with its hashes on one line, without comments."""
    lines = path.read_text().replace("\\\n", " ").splitlines() if path.exists() else []
    return [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]


def changed_files() -> list[str]:
    """Vendored files that are not what SHA256SUMS says, and those that only one of the two knows."""
    listed, present = vendor.listed(), vendor.present()
    return [
        f"{name} is {'not listed' if name not in listed else 'missing' if name not in present else 'changed'}"
        for name in sorted(listed.keys() | present.keys())
        if listed.get(name) != present.get(name)
    ]


def audit(requirements: Path, conditions: Conditions) -> tuple[list[str], str]:
    """What pip-audit knows against the pins, and a word of how it went: where it cannot ask, that is said.

    One pin is asked for first: a service that does not know that one need not be asked for all others.
    """
    conditions.tell("asking pip-audit")
    first = next(line for line in logical_lines(requirements) if PIN.match(line))
    with TemporaryDirectory() as folder:
        one = Path(folder) / "one.txt"
        one.write_text(f"{first}\n")
        found = ask_pip_audit(one)
    return found if found == NOT_ASKED else ask_pip_audit(requirements)


def ask_pip_audit(requirements: Path) -> tuple[list[str], str]:
    """What pip-audit says of a file."""
    options = ("--disable-pip", "--require-hashes", "--progress-spinner", "off", "--timeout", "20", "--format", "json")
    command = (sys.executable, "-m", "pip_audit", *options, "-r", str(requirements))
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
        return judged(json.loads(done.stdout)["dependencies"])
    except (ValueError, KeyError, subprocess.TimeoutExpired):
        return NOT_ASKED


def judged(told: list[dict]) -> tuple[list[str], str]:
    """pip-audit's answer as failures and a word: what its service does not know was not asked."""
    holes = [f"{one['name']} {one['version']}: {hole['id']}" for one in told for hole in one.get("vulns", ())]
    asked = [one for one in told if "skip_reason" not in one]
    if not asked:
        return NOT_ASKED
    unknown = len(told) - len(asked)
    return holes, f"{len(asked)} asked" + (f", {unknown} unknown to its service" if unknown else "")


@contextmanager
def with_a_pin_without_hash() -> Iterator[None]:
    """A requirements file one of whose pins has lost its hash."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "requirements.txt"
        path.write_text(f"flask==3.1.3\nclick==8.0.0 --hash=sha256:{'0' * 64}\n")
        with patch(f"{__name__}.REQUIREMENTS", (*REQUIREMENTS, str(path))):
            yield


@contextmanager
def with_a_changed_file() -> Iterator[None]:
    """A vendored file that is not what it was."""
    changed = vendor.listed()
    changed[min(changed)] = "0" * 64
    with patch.object(vendor, "present", lambda: changed):
        yield


TRIAL = Trial(
    name="dependencies",
    title="dependencies: pins, hashes, vendored files, known vulnerabilities",
    passes_when="pip-audit clean, hashes locked, vendored files match their sums",
    unit="pins",
    full=1,
    short=1,
    run=run,
    broken={"a pin without its hash": with_a_pin_without_hash, "a vendored file changed": with_a_changed_file},
    databases=NONE,
)

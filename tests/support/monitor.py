"""A search of everything that a portal under trial writes for secrets and phone numbers that must not leak."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field

# Every phone number of a trial: +1, an area code, 555, 01xx, with any spacing, and also without the country code. Ids
# can contain such digits by chance, so a match may not be part of one.
PHONE_NUMBER = re.compile(r"(?<![0-9a-f])1?[2-9]\d{2}[- )]{0,2}555[- ]?01\d{2}(?![0-9a-f])")
TOKEN = re.compile(r"bp_[0-9a-f]{24}_[A-Za-z0-9_-]{43}")

# Each response is searched for every secret, so of each kind only the newest are searched for.
MAX_SECRETS_OF_A_KIND = 30


class MonitoredStream(io.TextIOBase):
    """A replacement of standard error that passes every log line to the monitor."""

    def __init__(self, monitor: LeakMonitor) -> None:
        super().__init__()
        self.monitor = monitor

    def write(self, text: str) -> int:
        """Check whole lines."""
        for line in text.splitlines():
            if line:
                self.monitor.check_log_line(line)
        return len(text)


@dataclass
class LeakMonitor:
    """The secrets, the number of searched texts, and the findings. `secrets` maps each secret to its kind."""

    secrets: dict[str, str] = field(default_factory=dict)
    lines: int = 0
    responses: int = 0
    cells: int = 0
    findings: list[str] = field(default_factory=list)

    def add_secret(self, kind: str, values: Iterable[str]) -> None:
        """Search for these values from now on."""
        self.secrets |= {value: kind for value in values if len(value) >= 8}
        same_kind = [value for value, other in self.secrets.items() if other == kind]
        for value in same_kind[:-MAX_SECRETS_OF_A_KIND]:
            del self.secrets[value]

    def check_log_line(self, line: str) -> None:
        """Search a log line."""
        self.lines += 1
        self.check_text("a log line", line, phone_numbers=True)

    def check_response(self, label: str, text: str, sent: str = "") -> None:
        """Search a response for secrets that the request did not send; responses may contain phone numbers."""
        self.responses += 1
        self.check_text(label, text, phone_numbers=False, sent=sent)

    def check_text(self, label: str, text: str, *, phone_numbers: bool, sent: str = "") -> None:
        """Add findings of secrets and, with `phone_numbers`, of phone numbers and tokens."""
        for secret, kind in self.secrets.items():
            if secret in text and secret not in sent:
                self.add_finding(f"{label} holds {kind}: {context_of(secret, text)}")
        if phone_numbers:
            self.check_phone_number(label, text)
        if phone_numbers and (token := TOKEN.search(text)):
            self.add_finding(f"{label} holds a token: {context_of(token[0], text)}")

    def check_phone_number(self, label: str, text: str) -> None:
        """Add a finding if the text contains a phone number."""
        if number := PHONE_NUMBER.search(text):
            self.add_finding(f"{label} holds a phone number: {context_of(number[0], text)}")

    def add_finding(self, finding: str) -> None:
        """Add a finding once."""
        if finding not in self.findings:
            self.findings.append(finding)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Check everything that is written to standard error within the block.

        A portal that is created within it configures its log there, as in its own process.
        """
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        root.handlers.clear()
        try:
            with redirect_stderr(MonitoredStream(self)):
                yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)


def context_of(secret: str, text: str) -> str:
    """Return the text around a secret, without the secret."""
    start = text.find(secret)
    end = start + len(secret)
    return " ".join(f"{text[max(start - 80, 0) : start]}[…]{text[end : end + 40]}".split())

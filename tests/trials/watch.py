"""Everything that a portal under trial says, searched for what it must never say: secrets and phone numbers."""

from __future__ import annotations

import io
import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr
from dataclasses import dataclass, field

# Every number that is called in a trial: +1, an area, 555, 01xx; however it is spaced, and without its country too.
# Not within an id, where ten such digits can stand by chance.
PHONE_NUMBER = re.compile(r"(?<![0-9a-f])1?[2-9]\d{2}[- )]{0,2}555[- ]?01\d{2}(?![0-9a-f])")

# How a token looks, whoever made it.
TOKEN = re.compile(r"bp_[0-9a-f]{24}_[A-Za-z0-9_-]{43}")

# Of secrets that are made anew all the time, the last are looked for; each answer is searched for every one.
MOST_OF_A_KIND = 30


class Ear(io.TextIOBase):
    """Stands in for standard error, where logs go, and hands every line on."""

    def __init__(self, watch: Watch) -> None:
        super().__init__()
        self.watch = watch

    def write(self, text: str) -> int:
        """Look at what is written; a line comes in one piece."""
        for line in text.splitlines():
            if line:
                self.watch.hear(line)
        return len(text)


@dataclass
class Watch:
    """What was searched, and what was found in it.

    `secrets` maps what must never be said to what it is: passwords, tokens' secrets, session ids, hashes.
    """

    secrets: dict[str, str] = field(default_factory=dict)
    lines: int = 0
    answers: int = 0
    cells: int = 0
    found: list[str] = field(default_factory=list)

    def keep_secret(self, what: str, values: Iterable[str]) -> None:
        """Look for these from now on."""
        self.secrets |= {value: what for value in values if len(value) >= 8}
        same = [value for value, kind in self.secrets.items() if kind == what]
        for value in same[:-MOST_OF_A_KIND]:
            del self.secrets[value]

    def hear(self, line: str) -> None:
        """Search a log line."""
        self.lines += 1
        self.report("a log line", line, phone_numbers=True)

    def see(self, where: str, text: str, sent: str = "") -> None:
        """Search an answer for secrets that were not `sent` to get it; phone numbers are what many answers are for."""
        self.answers += 1
        self.report(where, text, phone_numbers=False, sent=sent)

    def report(self, where: str, text: str, *, phone_numbers: bool, sent: str = "") -> None:
        """Note what `text` must not hold, without saying it again."""
        for secret, what in self.secrets.items():
            if secret in text and secret not in sent:
                self.note(f"{where} holds {what}: {without(secret, text)}")
        if phone_numbers:
            self.note_number(where, text)
        if phone_numbers and (token := TOKEN.search(text)):
            self.note(f"{where} holds a token: {without(token[0], text)}")

    def note_number(self, where: str, text: str) -> None:
        """Note a phone number where none may be."""
        if number := PHONE_NUMBER.search(text):
            self.note(f"{where} holds a phone number: {without(number[0], text)}")

    def note(self, words: str) -> None:
        """Remember what was found, the same words once."""
        if words not in self.found:
            self.found.append(words)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear what is written to standard error within the block.

        A portal that is made within it sets up its own log there, as it does in a process of its own.
        """
        root = logging.getLogger()
        handlers, level = root.handlers[:], root.level
        root.handlers.clear()
        try:
            with redirect_stderr(Ear(self)):
                yield
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)


def without(secret: str, text: str) -> str:
    """Some of the text around a secret, the secret itself left out."""
    at = text.find(secret)
    around = f"{text[max(at - 80, 0) : at]}[…]{text[at + len(secret) : at + len(secret) + 40]}"
    return " ".join(around.split())

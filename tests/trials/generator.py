"""Random requests at every route: right ones, and right ones with something wrong in them."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_from_bytes

from flask import Flask
from werkzeug.routing import Rule

from portal.api.openapi import build_document
from portal.web.parameters import Parameters, known_names
from tests.trials.client import Request, SentFile, Text, as_bytes, encoded
from tests.trials.routes import ROWS, VARIABLE, For, Row, filled_row, good_request, rules_of

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NO_ROW = Row(For.SIGNED_IN)


@dataclass(frozen=True)
class Asked:
    """A random request, of which route it is, and what stands in it that was put there at random."""

    rule: Rule
    row: Row
    request: Request


class Generator:
    """Makes requests. `texts` gives a random text, `things` what a row's `$batch` and so on stand for at random."""

    def __init__(
        self, app: Flask, rng: random.Random, texts: Callable[[], Text], things: Mapping[str, str] | Any
    ) -> None:
        self.rng = rng
        self.texts = texts
        self.things = things
        self.rules = rules_of(app)
        self.names = sorted({name for model in models() for name in known_names(model)})
        self.words = sorted(words_of(build_document(app)))

    def chance(self, share: float) -> bool:
        """True so often."""
        return self.rng.random() < share

    def text(self) -> Text:
        """A word that means something here, a small number, or any text."""
        kind = self.rng.random()
        if kind < 0.3:
            return self.rng.choice(self.words)
        if kind < 0.5:
            return str(self.rng.choice((0, 1, 2, 3, 10, 100, 10**9)))
        return self.texts()

    def next(self, csrf_token: str) -> Asked:
        """The next request."""
        rule = self.rng.choice(self.rules)
        row = filled_row(ROWS.get(rule.endpoint, NO_ROW), self.things)
        path = {name: row.path.get(name, "") for name in rule.arguments}
        if self.chance(0.5):
            row = self.spoiled(row)
        request = good_request(rule, replace(row, path=path), csrf_token if self.chance(0.95) else "x")
        if rule.arguments and self.chance(0.15):
            name = self.rng.choice(sorted(rule.arguments))
            path[name] = quote_from_bytes(as_bytes(self.text()), safe="")
            request = replace(request, path=VARIABLE.sub(lambda found: path[found[3]], rule.rule))
        if self.chance(0.4):
            pairs = [(self.name(), self.text()) for _ in range(self.rng.randint(1, 4))]
            request = replace(request, query="&".join(filter(None, (request.query, encoded(pairs)))))
        if self.chance(0.05):
            request = replace(request, method=self.rng.choice(METHODS))
        return Asked(rule, row, replace(request, headers=self.headers()))

    def name(self) -> Text:
        """The name of a parameter, mostly of one that there is."""
        return self.rng.choice(self.names) if self.chance(0.9) else self.text()

    def headers(self) -> dict[str, Text]:
        """What htmx sends, and now and then something else."""
        found: dict[str, Text] = {}
        if self.chance(0.25):
            found["HX-Request"] = "true"
            found["HX-Current-URL"] = f"http://localhost/batches?{encoded([(self.name(), self.text())])}"
        if self.chance(0.05):
            found["HX-History-Restore-Request"] = "true"
        if self.chance(0.05):
            name = self.rng.choice(("X-Request-Id", "If-None-Match", "Accept", "Referer", "Range", "User-Agent"))
            found[name] = as_bytes(self.text()).translate(None, b"\0\r\n")[:4000]
        return found

    def spoiled(self, row: Row) -> Row:
        """The row with something else in its form, its JSON or its file."""
        form, body, file = row.form, row.json, row.file
        for _ in range(self.rng.randint(1, 3)):
            if form is not None:
                form = self.spoiled_names(form)
            if body is not None:
                body = self.spoiled_json(body)
        if file and self.chance(0.5):
            file = SentFile(self.text(), self.content())
        return replace(row, form=form, json=body, file=file)

    def spoiled_names(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A form or an object with one name more, less, or with another value."""
        names = list(given)
        if names and self.chance(0.3):
            return {name: given[name] for name in names if name != self.rng.choice(names)}
        name = self.rng.choice(names) if names and self.chance(0.7) else self.rng.choice(self.names)
        return {**given, name: self.decoded(self.text())}

    def spoiled_json(self, value: Any) -> Any:
        """JSON with something else in one place of it."""
        if isinstance(value, Mapping) and value and self.chance(0.8):
            if self.chance(0.4):
                return self.spoiled_names(value)
            name = self.rng.choice(list(value))
            return {**value, name: self.spoiled_json(value[name])}
        if isinstance(value, list) and value and self.chance(0.8):
            return [self.spoiled_json(value[0]), *value[1:]] * self.rng.choice((1, 1, 1, 2))
        others = (None, True, -1, 0, 1.5, 10**20, [], {}, [value], {"a": value}, self.decoded(self.text()))
        return self.rng.choice(others)

    def decoded(self, text: Text) -> str:
        """A text for JSON or a form, whatever bytes it was."""
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text

    def content(self) -> bytes:
        """A contact file: mostly a table of random cells."""
        if self.chance(0.2):
            return self.rng.choice((b"", b"\xff\xfe\0", b"PK\x03\x04", as_bytes(self.text())))
        cells = [[as_bytes(self.text()) for _ in range(3)] for _ in range(self.rng.randint(1, 4))]
        return b"\n".join([b"phoneNumber,name,city", *(b",".join(row) for row in cells), b"+16065550104,a,b"])


def models() -> Sequence[type[Parameters]]:
    """Every set of parameters that there is."""
    found, waiting = [], [Parameters]
    while waiting:
        below = waiting.pop().__subclasses__()
        found += below
        waiting += below
    return found


def words_of(document: Any) -> set[str]:
    """Every word of the closed sets in the OpenAPI document."""
    if isinstance(document, Mapping):
        own = {str(word) for word in document.get("enum", ())}
        return own.union(*map(words_of, document.values()))
    return set().union(*map(words_of, document)) if isinstance(document, list) else set()

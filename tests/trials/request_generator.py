"""Random requests at every route: valid ones, and valid ones with an error."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote_from_bytes

from flask import Flask
from werkzeug.routing import Rule

from portal.api.document import build_document
from portal.web.parameters import Parameters, known_names
from tests.support.wsgi_client import FormFile, Text, WsgiRequest, encode, encode_pairs
from tests.trials.routes import PATH_VARIABLE, ROUTE_ROWS, Audience, RouteRow, fill_row, rules_of, valid_request

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
NO_ROW = RouteRow(Audience.SIGNED_IN)


@dataclass(frozen=True)
class GeneratedRequest:
    """A random request and its route."""

    rule: Rule
    row: RouteRow
    request: WsgiRequest


class RequestGenerator:
    """Generates requests. `texts` returns a random text, `placeholders` random values for placeholders."""

    def __init__(
        self, app: Flask, rng: random.Random, texts: Callable[[], Text], placeholders: Mapping[str, str] | Any
    ) -> None:
        self.rng = rng
        self.texts = texts
        self.placeholders = placeholders
        self.rules = rules_of(app)
        self.names = sorted({name for model in models() for name in known_names(model)})
        self.words = sorted(enum_words(build_document(app)))

    def chance(self, share: float) -> bool:
        """Return True with this probability."""
        return self.rng.random() < share

    def text(self) -> Text:
        """Return a known word, a number, or any text."""
        kind = self.rng.random()
        if kind < 0.3:
            return self.rng.choice(self.words)
        if kind < 0.5:
            return str(self.rng.choice((0, 1, 2, 3, 10, 100, 10**9)))
        return self.texts()

    def next(self, csrf_token: str) -> GeneratedRequest:
        rule = self.rng.choice(self.rules)
        row = fill_row(ROUTE_ROWS.get(rule.endpoint, NO_ROW), self.placeholders)
        path = {name: row.path.get(name, "") for name in rule.arguments}
        if self.chance(0.5):
            row = self.corrupt_row(row)
        request = valid_request(rule, replace(row, path=path), csrf_token if self.chance(0.95) else "x")
        if rule.arguments and self.chance(0.15):
            name = self.rng.choice(sorted(rule.arguments))
            path[name] = quote_from_bytes(encode(self.text()), safe="")
            request = replace(request, path=PATH_VARIABLE.sub(lambda found: path[found[3]], rule.rule))
        if self.chance(0.4):
            pairs = [(self.name(), self.text()) for _ in range(self.rng.randint(1, 4))]
            request = replace(request, query="&".join(filter(None, (request.query, encode_pairs(pairs)))))
        if self.chance(0.05):
            request = replace(request, method=self.rng.choice(METHODS))
        return GeneratedRequest(rule, row, replace(request, headers=self.headers()))

    def name(self) -> Text:
        """Return the name of a parameter, usually a known one."""
        return self.rng.choice(self.names) if self.chance(0.9) else self.text()

    def headers(self) -> dict[str, Text]:
        """Return the headers of htmx, and now and then another one."""
        found: dict[str, Text] = {}
        if self.chance(0.25):
            found["HX-Request"] = "true"
            found["HX-Current-URL"] = f"http://localhost/batches?{encode_pairs([(self.name(), self.text())])}"
        if self.chance(0.05):
            found["HX-History-Restore-Request"] = "true"
        if self.chance(0.05):
            name = self.rng.choice(("X-Request-Id", "If-None-Match", "Accept", "Referer", "Range", "User-Agent"))
            found[name] = encode(self.text()).translate(None, b"\0\r\n")[:4000]
        return found

    def corrupt_row(self, row: RouteRow) -> RouteRow:
        """Change the form, the JSON or the file of a row."""
        form, body, file = row.form, row.json, row.file
        for _ in range(self.rng.randint(1, 3)):
            if form is not None:
                form = self.corrupt_mapping(form)
            if body is not None:
                body = self.corrupt_json(body)
        if file and self.chance(0.5):
            file = FormFile(self.text(), self.content())
        return replace(row, form=form, json=body, file=file)

    def corrupt_mapping(self, mapping: Mapping[str, Any]) -> dict[str, Any]:
        """Return a form or object with a name more or less, or with another value."""
        names = list(mapping)
        if names and self.chance(0.3):
            return {name: mapping[name] for name in names if name != self.rng.choice(names)}
        name = self.rng.choice(names) if names and self.chance(0.7) else self.rng.choice(self.names)
        return {**mapping, name: self.decoded(self.text())}

    def corrupt_json(self, value: Any) -> Any:
        """Return JSON with one other value."""
        if isinstance(value, Mapping) and value and self.chance(0.8):
            if self.chance(0.4):
                return self.corrupt_mapping(value)
            name = self.rng.choice(list(value))
            return {**value, name: self.corrupt_json(value[name])}
        if isinstance(value, list) and value and self.chance(0.8):
            return [self.corrupt_json(value[0]), *value[1:]] * self.rng.choice((1, 1, 1, 2))
        others = (None, True, -1, 0, 1.5, 10**20, [], {}, [value], {"a": value}, self.decoded(self.text()))
        return self.rng.choice(others)

    def decoded(self, text: Text) -> str:
        """Return a text for JSON or a form."""
        return text.decode("utf-8", "replace") if isinstance(text, bytes) else text

    def content(self) -> bytes:
        """Return a contact file, usually a table of random cells."""
        if self.chance(0.2):
            return self.rng.choice((b"", b"\xff\xfe\0", b"PK\x03\x04", encode(self.text())))
        cells = [[encode(self.text()) for _ in range(3)] for _ in range(self.rng.randint(1, 4))]
        return b"\n".join([b"phoneNumber,name,city", *(b",".join(row) for row in cells), b"+16065550104,a,b"])


def models() -> Sequence[type[Parameters]]:
    """Return every parameter model."""
    found, waiting = [], [Parameters]
    while waiting:
        below = waiting.pop().__subclasses__()
        found += below
        waiting += below
    return found


def enum_words(document: Any) -> set[str]:
    """Return every word of an enumeration in the OpenAPI document."""
    if isinstance(document, Mapping):
        own = {str(word) for word in document.get("enum", ())}
        return own.union(*map(enum_words, document.values()))
    return set().union(*map(enum_words, document)) if isinstance(document, list) else set()

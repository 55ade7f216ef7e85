"""Every place where somebody can put a value: parameters, fields of JSON and of forms, headers, cookies.

Found in the OpenAPI document, in the models that read addresses, and in the forms that pages really show.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlsplit

from flask import Flask
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule

from portal.api.openapi import build_document, documented_path
from portal.web.parameters import Parameters, known_names
from tests.trials.client import Client
from tests.trials.routes import Row, good_request, method_of, rules_of

HEADERS = (
    "Authorization",
    "X-Api-Key",
    "X-Request-Id",
    "If-None-Match",
    "Accept",
    "Accept-Language",
    "Content-Type",
    "Cookie",
    "HX-Request",
    "HX-Current-URL",
    "HX-Target",
    "HX-History-Restore-Request",
    "Host",
    "Origin",
    "Range",
    "Referer",
    "User-Agent",
    "X-Forwarded-For",
    "X-Forwarded-Host",
    "X-Forwarded-Proto",
)

# Routes at which every header is tried: a page, a form, and each kind of the API's.
WITH_HEADERS = (
    "batches.list_batches",
    "batches.rename_batch",
    "accounts.sign_in",
    "batches_api.list_batches",
    "batches_api.create_batch",
    "uploads_api.upload",
)

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Field:
    """One place of one route. `kind`: path, query, json, form, file or header; `path` leads to it within JSON."""

    rule: Rule
    kind: str
    name: str
    path: Path = ()

    def __str__(self) -> str:
        return f"{method_of(self.rule)} {self.rule.rule}, {self.kind} {'.'.join(map(str, self.path)) or self.name}"


def all_fields(app: Flask, client: Client, rows: Mapping[str, Row]) -> list[Field]:
    """Every place of every route that has a row; `rows` filled, and a signed-in client that looks at the forms."""
    document = build_document(app)
    forms = forms_shown(app, client, rows)
    found: list[Field] = []
    for rule in rules_of(app):
        row = rows.get(rule.endpoint)
        if row is None:
            continue
        found += [Field(rule, "path", name) for name in sorted(rule.arguments)]
        if row.whom.api:
            found += of_document(rule, document)
        else:
            found += [Field(rule, "query", name) for name in address_names(app, rule)]
            names = {*(row.form or {}), *forms.get(rule.endpoint, ())}
            found += [Field(rule, "form", name) for name in sorted(names)]
        if row.file:
            found += [Field(rule, "file", "name"), Field(rule, "file", "content")]
        if rule.endpoint in WITH_HEADERS:
            found += [Field(rule, "header", name) for name in HEADERS]
    return list({str(field): field for field in found}.values())


def of_document(rule: Rule, document: Mapping[str, Any]) -> Iterator[Field]:
    """What the OpenAPI document says that a route takes, but for its path."""
    told = document["paths"][documented_path(rule)][method_of(rule).lower()]
    for parameter in told["parameters"]:
        if parameter["in"] != "path":
            yield Field(rule, parameter["in"], parameter["name"])
    for kind, content in told.get("requestBody", {"content": {}})["content"].items():
        for path in leaves(content["schema"], document["components"]["schemas"]):
            as_form = kind.startswith("multipart")
            if not (as_form and (len(path) > 1 or path[0] == "file")):
                yield Field(rule, "form" if as_form else "json", str(path[-1]), () if as_form else path)


def leaves(schema: Mapping[str, Any], schemas: Mapping[str, Any], before: Path = ()) -> Iterator[Path]:
    """The way to every value within a schema, those of lists by their first item."""
    for choice in (schema, *schema.get("anyOf", ()), *schema.get("allOf", ())):
        known = schemas[choice["$ref"].rpartition("/")[2]] if "$ref" in choice else choice
        for name, inner in known.get("properties", {}).items():
            yield (*before, name)
            yield from leaves(inner, schemas, (*before, name))
        if isinstance(known.get("items"), Mapping):
            yield (*before, 0)
            yield from leaves(known["items"], schemas, (*before, 0))


def address_names(app: Flask, rule: Rule) -> list[str]:
    """The names in a page's address: those of every model that the view's module reads addresses and forms with."""
    if method_of(rule) != "GET":
        return []
    module = sys.modules.get(app.view_functions[rule.endpoint].__module__)
    models = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Parameters)]
    return sorted({name for model in models for name in known_names(model)})


class Forms(HTMLParser):
    """The forms of a page: where each leads, and the names in it."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, set[str]]] = []
        self.by_id: dict[str, set[str]] = {}

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        """Take a form or one of its fields in."""
        told = dict(given)
        if tag == "form":
            names: set[str] = set()
            self.found.append((told.get("method") or "get", told.get("action") or "", names))
            self.by_id[told.get("id") or ""] = names
        elif tag in ("input", "select", "textarea", "button") and told.get("name") and self.found:
            self.by_id.get(told.get("form") or "", self.found[-1][2]).add(str(told["name"]))


def forms_shown(app: Flask, client: Client, rows: Mapping[str, Row]) -> dict[str, set[str]]:
    """The names of every form that posts, by the endpoint that takes it."""
    adapter, found = app.url_map.bind("localhost"), dict[str, set[str]]()
    for rule in rules_of(app):
        row = rows.get(rule.endpoint)
        if row is None or row.whom.api or method_of(rule) != "GET":
            continue
        here = good_request(rule, row)
        answer = client.ask(here)
        forms = Forms()
        forms.feed(answer.text if answer.kind == "text/html" else "")
        for method, action, names in forms.found:
            if method.lower() == "post":
                try:
                    endpoint, _ = adapter.match(urlsplit(action).path or here.path, "POST")
                except HTTPException:
                    continue
                found.setdefault(endpoint, set()).update(names)
    return found

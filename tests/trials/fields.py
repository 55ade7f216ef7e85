"""Every input of the portal: parameters, fields of JSON and of forms, headers, cookies.

They come from the OpenAPI document, from the models of query strings, and from the forms in pages.
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

from portal.api.document import build_document, documented_path
from portal.web.parameters import Parameters, known_names
from tests.support.wsgi_client import WsgiClient
from tests.trials.routes import RouteRow, method_of, rules_of, valid_request

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

# The routes that receive every header: a page, a form, and each kind of API endpoint.
HEADER_ROUTES = (
    "batches.list_batches",
    "batches.rename_batch",
    "accounts.sign_in",
    "batches_api.list_batches",
    "batches_api.create_batch",
    "uploads_api.upload",
)

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class InputField:
    """An input of a route. `kind`: path, query, json, form, file or header; `path` locates it within JSON."""

    rule: Rule
    kind: str
    name: str
    path: Path = ()

    def __str__(self) -> str:
        return f"{method_of(self.rule)} {self.rule.rule}, {self.kind} {'.'.join(map(str, self.path)) or self.name}"


def all_fields(app: Flask, client: WsgiClient, rows: Mapping[str, RouteRow]) -> list[InputField]:
    """Return every input of every route with a row. `rows` are filled, and the client is signed in."""
    document = build_document(app)
    forms = find_form_names(app, client, rows)
    found: list[InputField] = []
    for rule in rules_of(app):
        row = rows.get(rule.endpoint)
        if row is None:
            continue
        found += [InputField(rule, "path", name) for name in sorted(rule.arguments)]
        if row.audience.api:
            found += document_fields(rule, document)
        else:
            found += [InputField(rule, "query", name) for name in query_names(app, rule)]
            names = {*(row.form or {}), *forms.get(rule.endpoint, ())}
            found += [InputField(rule, "form", name) for name in sorted(names)]
        if row.file:
            found += [InputField(rule, "file", "name"), InputField(rule, "file", "content")]
        if rule.endpoint in HEADER_ROUTES:
            found += [InputField(rule, "header", name) for name in HEADERS]
    return list({str(field): field for field in found}.values())


def document_fields(rule: Rule, document: Mapping[str, Any]) -> Iterator[InputField]:
    """Return the inputs of a route in the OpenAPI document, except its path."""
    operation = document["paths"][documented_path(rule)][method_of(rule).lower()]
    for parameter in operation["parameters"]:
        if parameter["in"] != "path":
            yield InputField(rule, parameter["in"], parameter["name"])
    for kind, content in operation.get("requestBody", {"content": {}})["content"].items():
        for path in leaves(content["schema"], document["components"]["schemas"]):
            as_form = kind.startswith("multipart")
            if not (as_form and (len(path) > 1 or path[0] == "file")):
                yield InputField(rule, "form" if as_form else "json", str(path[-1]), () if as_form else path)


def leaves(schema: Mapping[str, Any], schemas: Mapping[str, Any], before: Path = ()) -> Iterator[Path]:
    """Return the path of every value in a schema; lists contribute their first item."""
    for choice in (schema, *schema.get("anyOf", ()), *schema.get("allOf", ())):
        known = schemas[choice["$ref"].rpartition("/")[2]] if "$ref" in choice else choice
        for name, inner in known.get("properties", {}).items():
            yield (*before, name)
            yield from leaves(inner, schemas, (*before, name))
        if isinstance(known.get("items"), Mapping):
            yield (*before, 0)
            yield from leaves(known["items"], schemas, (*before, 0))


def query_names(app: Flask, rule: Rule) -> list[str]:
    """Return the query parameters of a page: those of the parameter models in the view's module."""
    if method_of(rule) != "GET":
        return []
    module = sys.modules.get(app.view_functions[rule.endpoint].__module__)
    models = [one for one in vars(module).values() if isinstance(one, type) and issubclass(one, Parameters)]
    return sorted({name for model in models for name in known_names(model)})


class FormParser(HTMLParser):
    """Collects the forms of a page: method, action and names."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str, set[str]]] = []
        self.by_id: dict[str, set[str]] = {}

    def handle_starttag(self, tag: str, attribute_pairs: list[tuple[str, str | None]]) -> None:
        """Record a form or one of its fields."""
        attributes = dict(attribute_pairs)
        if tag == "form":
            names: set[str] = set()
            self.found.append((attributes.get("method") or "get", attributes.get("action") or "", names))
            self.by_id[attributes.get("id") or ""] = names
        elif tag in ("input", "select", "textarea", "button") and attributes.get("name") and self.found:
            self.by_id.get(attributes.get("form") or "", self.found[-1][2]).add(str(attributes["name"]))


def find_form_names(app: Flask, client: WsgiClient, rows: Mapping[str, RouteRow]) -> dict[str, set[str]]:
    """Return the field names of every form that posts, by endpoint."""
    adapter, found = app.url_map.bind("localhost"), dict[str, set[str]]()
    for rule in rules_of(app):
        row = rows.get(rule.endpoint)
        if row is None or row.audience.api or method_of(rule) != "GET":
            continue
        here = valid_request(rule, row)
        response = client.send(here)
        forms = FormParser()
        forms.feed(response.text if response.kind == "text/html" else "")
        for method, action, names in forms.found:
            if method.lower() == "post":
                try:
                    endpoint, _ = adapter.match(urlsplit(action).path or here.path, "POST")
                except HTTPException:
                    continue
                found.setdefault(endpoint, set()).update(names)
    return found

"""The OpenAPI 3.1 document, made from the models that validate, and the page that shows it.

An endpoint says what it is by `described`, beside its route; paths, methods and path parameters come from the routes
themselves. So the document cannot know an endpoint that is not there, and a test finds one that it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from flask import Blueprint, Flask, Response, current_app, make_response, render_template
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from werkzeug.routing import Rule

from portal.api.schema import ErrorBody
from portal.models import Scope
from portal.version import VERSION
from portal.web.errors import error_text
from portal.web.etags import conditional_response
from portal.web.parameters import Parameters
from portal.web.request_hooks import HEADERS as PAGE_HEADERS
from portal.web.request_hooks import POLICY

blueprint = Blueprint("openapi", __name__, url_prefix="/api")

SCHEMAS = "#/components/schemas/{model}"
JSON = "application/json"
VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
HEX_ID = {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}

# Swagger UI puts style attributes on what it draws, which no other page may.
DOCS_POLICY = POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")

HEADERS = {
    "X-Request-Id": "The request's id: the caller's own, where it sent a sane one. It stands in the log, too.",
    "ETag": "Send it as If-None-Match; the answer is 304 while nothing that it shows has changed.",
    "Cache-Control": "private, no-cache: ask each time, by If-None-Match.",
    "Link": "The other pages, with rel first, prev, next and last (RFC 8288).",
    "WWW-Authenticate": "Bearer",
    "Retry-After": "After so many seconds.",
    "RateLimit-Policy": 'How many requests pass (q) in a window of so many seconds (w): "token";q=1000;w=10.',
    "RateLimit": 'How many are left (r), and in how many seconds (t) the window ends: "token";r=998;t=7.',
}

# On every answer, where the portal has such limits.
RATE_HEADERS = ("RateLimit-Policy", "RateLimit")

# The errors that any endpoint may answer with: who asks, and how often, and our own failures.
ALWAYS: dict[int, tuple[str, ...]] = {
    401: ("WWW-Authenticate",),
    403: (),
    414: (),
    429: ("Retry-After",),
    431: (),
    500: (),
    503: ("Retry-After",),
    507: (),
}


@dataclass(frozen=True)
class SuccessAnswer:
    """An answer that is not an error: what it means, the model of its body (None = no body), its own headers."""

    words: str
    body: type[BaseModel] | None = None
    headers: Iterable[str] = ()
    example: Mapping[str, Any] | None = None
    file: str = ""  # the content type, where the answer is a file


@dataclass(frozen=True)
class Operation:
    """What an endpoint does, beside its address: the parameters it reads, the scope it asks for, how it answers.

    `errors` are those beside ALWAYS, by status: the model of the body and what it means (empty = the usual words).
    """

    summary: str
    words: str
    scope: Scope
    successes: Mapping[int, SuccessAnswer]
    errors: Mapping[int, tuple[type[BaseModel], str]] = field(default_factory=dict)
    query: type[Parameters] | None = None
    body: type[Parameters] | None = None
    form: bool = False  # the body is a form with a file, not JSON
    tag: str = "batches"
    example: Mapping[str, Any] | None = None  # of the body that is sent


# Errors that several endpoints share: every one with a body, every one that names a batch.
INVALID_BODY_ERRORS: dict[int, tuple[type[BaseModel], str]] = {
    400: (ErrorBody, "Something in the body is missing, unknown or cannot be used; it is named."),
    413: (ErrorBody, ""),
    415: (ErrorBody, ""),
}
BATCH_NOT_FOUND_ERRORS: dict[int, tuple[type[BaseModel], str]] = {
    404: (ErrorBody, "There is no such batch: it never was, is deleted, or is another user's.")
}


View = TypeVar("View", bound=Callable[..., Any])


def document_operation(operation: Operation) -> Callable[[View], View]:
    """Say what an endpoint is."""

    def with_operation(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        return view

    return with_operation


@blueprint.get("/openapi.json")
def openapi_json() -> Response:
    """The document."""
    return conditional_response(lambda: current_app.json.response(build_document(current_app)), "openapi")


@blueprint.get("/docs")
def docs() -> Response:
    """The document as a page in which it can be tried out."""

    def page() -> Response:
        response = make_response(render_template("api/docs.html"))
        response.headers.update(PAGE_HEADERS | {"Content-Security-Policy": DOCS_POLICY})
        return response

    return conditional_response(page, "docs")


def build_document(app: Flask) -> dict[str, Any]:
    """The whole document."""
    operations = [
        (rule, app.view_functions[rule.endpoint].operation)  # type: ignore[attr-defined]
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "operation")
    ]
    schemas = shared_schemas(operation for _, operation in operations)
    paths: dict[str, Any] = {}
    for rule, operation in operations:
        methods = paths.setdefault(documented_path(rule), {})
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            methods[method.lower()] = operation_object(rule, operation, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Batch Portal",
            "version": VERSION,
            "summary": "Call batches, answered exactly like Weya AI's Call Management API.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": [
            {"name": "batches", "description": "Contacts that a dialer works through."},
            {"name": "calls", "description": "What is in a batch, and what became of it."},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {name: header_object(words) for name, words in HEADERS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token made under Tokens."},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same token."},
            },
        },
    }


def shared_schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    """Every model that is a body, or part of one, and every closed set of words, by name."""
    models: dict[type[BaseModel], None] = {ErrorBody: None}
    for operation in operations:
        bodies = [success.body for success in operation.successes.values()]
        bodies += [model for model, _ in operation.errors.values()]
        models |= dict.fromkeys([model for model in (*bodies, operation.query, operation.body) if model])
    _, found = models_json_schema([(model, "validation") for model in models], ref_template=SCHEMAS)
    return dict(sorted(found["$defs"].items()))


def documented_path(rule: Rule) -> str:
    """The rule's path, its variables as the contract names them: /api/call/batches/{userId}."""
    return VARIABLE.sub(lambda found: f"{{{camel_case(found[1])}}}", rule.rule)


def camel_case(name: str) -> str:
    """user_id as the API writes it: userId."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def operation_object(rule: Rule, operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    """One method of one path."""
    in_path = [
        {"name": camel_case(name), "in": "path", "required": True, "schema": HEX_ID} for name in sorted(rule.arguments)
    ]
    in_query = query_parameters(schemas.pop(operation.query.__name__)) if operation.query else []
    told = {"requestBody": request_body(operation)} if operation.body else {}
    return {
        "operationId": camel_case(rule.endpoint.rpartition(".")[2]),
        "summary": operation.summary,
        "description": f"{operation.words} Needs the scope `{operation.scope}`.",
        "tags": [operation.tag],
        "parameters": in_path + in_query,
        **told,
        "responses": responses(operation),
    }


def request_body(operation: Operation) -> dict[str, Any]:
    """What is sent."""
    content: dict[str, Any] = {"schema": {"$ref": SCHEMAS.format(model=operation.body.__name__)}}
    if operation.example:
        content["example"] = dict(operation.example)
    return {"required": True, "content": {"multipart/form-data" if operation.form else JSON: content}}


def query_parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """The fields of a model as parameters of an address, in the model's order."""
    return [query_parameter(name, dict(told)) for name, told in schema["properties"].items()]


def query_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """One parameter. None of them can be null: not given is left out."""
    schema.pop("title", None)
    words = schema.pop("description", "")
    if {"type": "null"} in schema.get("anyOf", ()):
        (schema,) = (choice for choice in schema["anyOf"] if choice != {"type": "null"})
    if schema.get("default") in ([], "", None):
        schema.pop("default", None)
    return {"name": name, "in": "query", "description": words, "schema": schema}


def responses(operation: Operation) -> dict[str, Any]:
    """Every answer of an endpoint, by status."""
    told: dict[str, Any] = {}
    for code, success in operation.successes.items():
        told[str(code)] = response_object(success.words, success.body, success.headers, success.example)
        if success.file:
            told[str(code)]["content"] = {success.file: {"schema": {"type": "string"}}}
    errors = dict.fromkeys(ALWAYS, (ErrorBody, "")) | dict(operation.errors)
    for code, (model, words) in sorted(errors.items()):
        told[str(code)] = response_object(words or error_text(code).api, model, ALWAYS.get(code, ()))
    return told


def response_object(
    words: str, body: type[BaseModel] | None, headers: Iterable[str], example: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """One answer."""
    told: dict[str, Any] = {
        "description": words,
        "headers": {
            name: {"$ref": f"#/components/headers/{name}"} for name in ("X-Request-Id", *RATE_HEADERS, *headers)
        },
    }
    if body:
        content: dict[str, Any] = {"schema": {"$ref": SCHEMAS.format(model=body.__name__)}}
        told["content"] = {JSON: content | ({"example": dict(example)} if example else {})}
    return told


def header_object(words: str) -> dict[str, Any]:
    """One header of an answer."""
    return {"description": words, "schema": {"type": "string"}}

"""The OpenAPI 3.1 document, built from the models that validate requests, and the page that shows it.

Views describe themselves with `document_operation`; paths, methods and path parameters come from the routes. So the
document contains no endpoint that does not exist, and a test finds every endpoint without a description.
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
from portal.web import security_headers
from portal.web.errors import error_text
from portal.web.etags import conditional_response
from portal.web.parameters import Parameters
from portal.web.strict_input import IDEMPOTENCY_KEY, VALID_KEY

blueprint = Blueprint("openapi", __name__, url_prefix="/api")

SCHEMAS = "#/components/schemas/{model}"
JSON = "application/json"
VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
HEX_ID = {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}

# Swagger UI sets style attributes; no other page may.
DOCS_POLICY = security_headers.POLICY.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")

HEADERS = {
    "X-Request-Id": "The request's id, which is also in the log: the client's own if it sent a valid one.",
    "ETag": "Send it as If-None-Match to get 304 as long as the response has not changed.",
    "Cache-Control": "private, no-cache: revalidate each time with If-None-Match.",
    "Link": "Links to the first, prev, next and last page (RFC 8288).",
    "Idempotency-Replayed": "true: the answer to an earlier request with this Idempotency-Key.",
    "WWW-Authenticate": "Bearer",
    "Retry-After": "Seconds to wait before the next request.",
    "RateLimit-Policy": 'Maximum number of requests (q) in a window of w seconds: "token";q=1000;w=10.',
    "RateLimit": 'Remaining requests (r) and seconds until the window ends (t): "token";r=998;t=7.',
}

KEY_PARAMETER = {
    "name": IDEMPOTENCY_KEY,
    "in": "header",
    "description": "A new value for each new request, such as a UUID. For 24 hours, a request of this token with the"
    " same key and the same body gets the first successful answer again and changes nothing.",
    "schema": {"type": "string", "pattern": f"^{VALID_KEY.pattern}$"},
}

# Headers of every response if rate limits are set.
RATE_HEADERS = ("RateLimit-Policy", "RateLimit")

# Errors of every endpoint, with their own headers: authentication, limits and failures.
COMMON_ERRORS: dict[int, tuple[str, ...]] = {
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
    """A successful response: its description, the model of its body (None = no body), its own headers."""

    description: str
    body: type[BaseModel] | None = None
    headers: Iterable[str] = ()
    example: Mapping[str, Any] | None = None
    file: str = ""  # the content type of a file


NOT_MODIFIED = SuccessAnswer("Nothing has changed since the response with this ETag.", None, ("ETag", "Cache-Control"))


@dataclass(frozen=True)
class Operation:
    """An endpoint: its parameters, the scope it requires, and its responses.

    `errors` are those besides COMMON_ERRORS, by status: the model of the body and the description (empty = default).
    """

    summary: str
    description: str
    scope: Scope
    successes: Mapping[int, SuccessAnswer]
    errors: Mapping[int, tuple[type[BaseModel], str]] = field(default_factory=dict)
    query: type[Parameters] | None = None
    body: type[Parameters] | None = None
    form: bool = False  # the body is a form with a file, not JSON
    takes_key: bool = False  # Idempotency-Key (portal/idempotency)
    tag: str = "batches"
    example: Mapping[str, Any] | None = None  # of the request body


# Errors that several endpoints share: those with a request body, and those of a single batch.
INVALID_BODY_ERRORS: dict[int, tuple[type[BaseModel], str]] = {
    400: (ErrorBody, "A field of the body is missing, unknown or invalid; the message names it."),
    413: (ErrorBody, ""),
    415: (ErrorBody, ""),
}
BATCH_NOT_FOUND_ERRORS: dict[int, tuple[type[BaseModel], str]] = {
    404: (ErrorBody, "The batch does not exist, is deleted, or belongs to another user.")
}


View = TypeVar("View", bound=Callable[..., Any])


def document_operation(operation: Operation) -> Callable[[View], View]:
    """Return a decorator that describes a view in the document."""

    def with_operation(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        return view

    return with_operation


@blueprint.get("/openapi.json")
def openapi_json() -> Response:
    """Return the document."""
    return conditional_response(lambda: current_app.json.response(build_document(current_app)), "openapi")


@blueprint.get("/docs")
def docs() -> Response:
    """Return the page that shows the document and can send requests."""

    def page() -> Response:
        response = make_response(render_template("api/docs.html"))
        response.headers.update(security_headers.PAGE | {"Content-Security-Policy": DOCS_POLICY})
        return response

    return conditional_response(page, "docs")


def build_document(app: Flask) -> dict[str, Any]:
    """Return the document."""
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
            "summary": "Outbound call batches, compatible with Weya AI's Call Management API.",
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": [
            {"name": "batches", "description": "Campaigns: lists of contacts for a dialer to call."},
            {"name": "calls", "description": "The calls of a batch and their results."},
        ],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "headers": {name: header_object(description) for name, description in HEADERS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token from the Tokens page."},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same token."},
            },
        },
    }


def shared_schemas(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the schema of every model and enum in requests and responses, by name."""
    models: dict[type[BaseModel], None] = {ErrorBody: None}
    for operation in operations:
        bodies = [success.body for success in operation.successes.values()]
        bodies += [model for model, _ in operation.errors.values()]
        models |= dict.fromkeys([model for model in (*bodies, operation.query, operation.body) if model])
    _, document = models_json_schema([(model, "validation") for model in models], ref_template=SCHEMAS)
    return dict(sorted(document["$defs"].items()))


def documented_path(rule: Rule) -> str:
    """Return the path of a rule with the contract's variable names: /api/call/batches/{userId}."""
    return VARIABLE.sub(lambda match: f"{{{camel_case(match[1])}}}", rule.rule)


def camel_case(name: str) -> str:
    """Return user_id as userId."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def operation_object(rule: Rule, operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return an Operation Object."""
    path_parameters = [
        {"name": camel_case(name), "in": "path", "required": True, "schema": HEX_ID} for name in sorted(rule.arguments)
    ]
    query = query_parameters(schemas.pop(operation.query.__name__)) if operation.query else []
    headers = [KEY_PARAMETER] if operation.takes_key else []
    body = {"requestBody": request_body(operation)} if operation.body else {}
    return {
        "operationId": camel_case(rule.endpoint.rpartition(".")[2]),
        "summary": operation.summary,
        "description": f"{operation.description} Requires the scope `{operation.scope}`.",
        "tags": [operation.tag],
        "parameters": path_parameters + query + headers,
        **body,
        "responses": response_objects(operation),
    }


def request_body(operation: Operation) -> dict[str, Any]:
    """Return a Request Body Object."""
    content: dict[str, Any] = {"schema": {"$ref": SCHEMAS.format(model=operation.body.__name__)}}
    if operation.example:
        content["example"] = dict(operation.example)
    return {"required": True, "content": {"multipart/form-data" if operation.form else JSON: content}}


def query_parameters(schema: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of a model as query parameters, in the model's order."""
    return [query_parameter(name, dict(field)) for name, field in schema["properties"].items()]


def query_parameter(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    """Return a Parameter Object. A query parameter is never null: it is omitted instead."""
    schema.pop("title", None)
    description = schema.pop("description", "")
    if {"type": "null"} in schema.get("anyOf", ()):
        (schema,) = (choice for choice in schema["anyOf"] if choice != {"type": "null"})
    if schema.get("default") in ([], "", None):
        schema.pop("default", None)
    return {"name": name, "in": "query", "description": description, "schema": schema}


def response_objects(operation: Operation) -> dict[str, Any]:
    """Return a Response Object for each status of an endpoint."""
    responses: dict[str, Any] = {}
    for code, success in operation.successes.items():
        response = response_object(success.description, success.body, success.headers, success.example)
        if success.file:
            response["content"] = {success.file: {"schema": {"type": "string"}}}
        responses[str(code)] = response
    errors = dict.fromkeys(COMMON_ERRORS, (ErrorBody, "")) | dict(operation.errors)
    if operation.takes_key and 422 not in errors:
        errors[422] = (ErrorBody, "The Idempotency-Key was used for another request.")
    for code, (model, description) in sorted(errors.items()):
        headers = COMMON_ERRORS.get(code, ())
        responses[str(code)] = response_object(description or error_text(code).api, model, headers)
    return responses


def response_object(
    description: str, body: type[BaseModel] | None, headers: Iterable[str], example: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return a Response Object."""
    names = ("X-Request-Id", *RATE_HEADERS, *headers)
    response: dict[str, Any] = {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names},
    }
    if body:
        content: dict[str, Any] = {"schema": {"$ref": SCHEMAS.format(model=body.__name__)}}
        response["content"] = {JSON: content | ({"example": dict(example)} if example else {})}
    return response


def header_object(description: str) -> dict[str, Any]:
    """Return a Header Object with a text value."""
    return {"description": description, "schema": {"type": "string"}}

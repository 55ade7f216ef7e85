"""The OpenAPI 3.1 document, built from the models that validate requests.

Paths, methods and path parameters come from the routes. So the document contains no endpoint that does not exist, and a
test finds every endpoint without a description.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from flask import Flask
from pydantic import BaseModel
from werkzeug.routing import Rule

from portal.api.guide import GUIDE, TAGS
from portal.api.openapi import ErrorAnswer, Operation, SuccessAnswer
from portal.api.schema import BATCH_ID, CALLER_NUMBER_ID, PHONE_NUMBER, TRUNK_ID, USER_ID, ErrorBody
from portal.api.schemas import SCHEMAS, build_example, component_schemas, referenced_schemas
from portal.version import VERSION
from portal.web.envelope import error_body
from portal.web.errors import error_text
from portal.web.strict_input import IDEMPOTENCY_KEY, VALID_KEY

JSON = "application/json"
FORM = "multipart/form-data"
VARIABLE = re.compile(r"<(?:\w+:)?(\w+)>")
HEX_ID = {"type": "string", "pattern": "^[0-9a-fA-F]{24}$"}
# Each path parameter: its description, an example and its schema.
PATH_PARAMETERS = {
    "userId": ("The user whose token this is.", USER_ID, HEX_ID),
    "batchId": ("The batch.", BATCH_ID, HEX_ID),
    "trunkId": ("The trunk.", TRUNK_ID, HEX_ID),
    "numberId": ("The caller number.", CALLER_NUMBER_ID, HEX_ID),
    "phoneNumber": ("A phone number in E.164.", PHONE_NUMBER, {"type": "string"}),
}

# Each response header: its description and an example.
HEADERS = {
    "X-Request-Id": (
        "The id of the request, which the log repeats: the client's own if it sent a valid one.",
        "a3f1c0de",
    ),
    "ETag": ("Send it as If-None-Match to get 304 while the answer has not changed.", '"5f1c0d2b8a6e4c3d9f7e1a2b"'),
    "Cache-Control": ("Revalidate each time with If-None-Match.", "private, no-cache"),
    "Link": (
        "Links to the first, prev, next and last page (RFC 8288).",
        f'</api/call/batches/{USER_ID}?page=2>; rel="next"',
    ),
    "Content-Disposition": ("The name of the file.", 'attachment; filename="batches.csv"'),
    "Idempotency-Replayed": ("true: the answer to an earlier request with this Idempotency-Key.", "true"),
    "WWW-Authenticate": ("How to authenticate.", "Bearer"),
    "Retry-After": ("Seconds to wait before the next request.", "2"),
    "RateLimit-Policy": (
        'Maximum number of requests (q) in a window of w seconds: "token";q=1000;w=10.',
        '"token";q=1000;w=10',
    ),
    "RateLimit": (
        'Remaining requests (r) and seconds until the window ends (t): "token";r=998;t=7.',
        '"token";r=998;t=7',
    ),
}

KEY_PARAMETER = {
    "name": IDEMPOTENCY_KEY,
    "in": "header",
    "description": "A new value for each new request, such as a UUID. For 24 hours, a request of this token with the"
    " same key and the same body gets the first successful answer again and changes nothing.",
    "schema": {"type": "string", "pattern": f"^{VALID_KEY.pattern}$"},
    "example": "0b5c8a52-6c5e-4a7e-9d57-3f1f6f1d2b11",
}
IF_NONE_MATCH = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The ETag of the answer that the client has.",
    "schema": {"type": "string"},
    "example": HEADERS["ETag"][1],
}

# Headers of every answer if rate limits are set, and of the answers to repeated requests.
RATE_HEADERS = ("RateLimit-Policy", "RateLimit")
REPLAYED = "Idempotency-Replayed"
OPTIONAL_HEADERS = frozenset({*RATE_HEADERS, REPLAYED})

# Errors of every endpoint, with their own headers: authentication, limits and failures.
COMMON_ERRORS: dict[int, tuple[str, ...]] = {
    400: (),
    401: ("WWW-Authenticate",),
    403: (),
    413: (),
    414: (),
    429: ("Retry-After",),
    431: (),
    500: (),
    503: ("Retry-After",),
    507: (),
}


def build_document(app: Flask) -> dict[str, Any]:
    """Return the document."""
    operations = [
        (rule, app.view_functions[rule.endpoint].operation)  # type: ignore[attr-defined]
        for rule in app.url_map.iter_rules()
        if hasattr(app.view_functions[rule.endpoint], "operation")
    ]
    declared = [operation for _, operation in operations]
    queries = {operation.query.__name__ for operation in declared if operation.query}
    forms = {operation.body.__name__ for operation in declared if operation.body and operation.form}
    schemas = component_schemas(models_of(declared), queries, forms)
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
            "description": GUIDE,
            "contact": {"name": "The administrators of this portal"},
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": "/", "description": "This portal"}],
        "security": [{"bearer": []}, {"apiKey": []}],
        "tags": [{"name": name, "description": description} for name, description in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": referenced_schemas(paths, schemas),
            "headers": {name: header_object(*texts) for name, texts in HEADERS.items()},
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token from the Tokens page."},
                "apiKey": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "The same token."},
            },
        },
    }


def models_of(operations: Iterable[Operation]) -> list[type[BaseModel]]:
    """Return every model of requests and answers once."""
    models: dict[type[BaseModel], None] = {ErrorBody: None}
    for operation in operations:
        bodies = [success.body for success in operation.successes.values()]
        bodies += [body for body, *_ in operation.errors.values()]
        models |= dict.fromkeys([model for model in (*bodies, operation.query, operation.body) if model])
    return list(models)


def documented_path(rule: Rule) -> str:
    """Return the path of a rule with the contract's variable names: /api/call/batches/{userId}."""
    return VARIABLE.sub(lambda match: f"{{{camel_case(match[1])}}}", rule.rule)


def camel_case(name: str) -> str:
    """Return user_id as userId."""
    first, *others = name.split("_")
    return first + "".join(word.capitalize() for word in others)


def operation_object(rule: Rule, operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    """Return an Operation Object."""
    path = [path_parameter(camel_case(name)) for name in sorted(rule.arguments)]
    query = query_parameters(schemas[operation.query.__name__], schemas) if operation.query else []
    headers = [KEY_PARAMETER] * operation.takes_key + [IF_NONE_MATCH] * operation.is_conditional
    body = {"requestBody": request_body(operation, schemas)} if operation.body else {}
    return {
        "operationId": camel_case(rule.endpoint.rpartition(".")[2]),
        "summary": operation.summary,
        "description": f"{operation.description} Requires the scope `{operation.scope}`.",
        "tags": [operation.tag],
        "parameters": path + query + headers,
        **body,
        "responses": response_objects(operation, schemas),
    }


def path_parameter(name: str) -> dict[str, Any]:
    """Return the Parameter Object of a variable in the path."""
    description, example, schema = PATH_PARAMETERS[name]
    return {
        "name": name,
        "in": "path",
        "required": True,
        "description": description,
        "schema": schema,
        "example": example,
    }


def query_parameters(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of a model as query parameters, in the model's order."""
    return [query_parameter(name, dict(field), schemas) for name, field in schema["properties"].items()]


def query_parameter(name: str, schema: dict[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Parameter Object. A query parameter is never null: it is omitted instead."""
    description = schema.pop("description", "")
    if schema.get("default") in ([], "", None):
        schema.pop("default", None)
    example = schema["default"] if "default" in schema else build_example(schema, schemas)
    schema.pop("examples", None)
    return {"name": name, "in": "query", "description": description, "schema": schema, "example": example}


def request_body(operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Request Body Object."""
    schema = {"$ref": SCHEMAS.format(model=operation.body.__name__)}
    example = dict(operation.example) if operation.example else build_example(schema, schemas)
    return {"required": True, "content": {FORM if operation.form else JSON: {"schema": schema, "example": example}}}


def response_objects(operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return a Response Object for each status of an endpoint."""
    responses: dict[str, Any] = {}
    replayed = (REPLAYED,) * operation.takes_key
    for code, success in operation.successes.items():
        responses[str(code)] = success_object(success, (*success.headers, *replayed), schemas)
    errors: dict[int, Any] = dict.fromkeys(COMMON_ERRORS, (ErrorBody,)) | dict(operation.errors)
    if operation.takes_key and 422 not in errors:
        message = "Idempotency-Key was used for another request; send a new key with each new request"
        errors[422] = (ErrorBody, "The Idempotency-Key was used for another request.", message)
    for code, error in sorted(errors.items()):
        responses[str(code)] = error_object(code, ErrorAnswer(*error), schemas)
    return responses


def success_object(success: SuccessAnswer, headers: Iterable[str], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Response Object of a successful answer."""
    response = response_object(success.description, headers)
    if success.file:
        response["content"] = {success.file: {"schema": {"type": "string"}, "example": success.example}}
    elif success.body:
        schema = {"$ref": SCHEMAS.format(model=success.body.__name__)}
        response["content"] = {JSON: {"schema": schema, "example": success.example or build_example(schema, schemas)}}
    return response


def error_object(code: int, error: ErrorAnswer, schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Response Object of an error."""
    default = error_text(code).api
    response = response_object(error.description or default, COMMON_ERRORS.get(code, ()))
    schema = {"$ref": SCHEMAS.format(model=error.body.__name__)}
    data = build_example(schemas[error.body.__name__]["properties"]["data"], schemas)
    example = error_body(code, error.message or default, data)
    response["content"] = {JSON: {"schema": schema, "example": example}}
    return response


def response_object(description: str, headers: Iterable[str]) -> dict[str, Any]:
    """Return a Response Object without content."""
    names = ("X-Request-Id", *RATE_HEADERS, *headers)
    return {"description": description, "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in names}}


def header_object(description: str, example: str) -> dict[str, Any]:
    """Return a Header Object with a text value."""
    return {"description": description, "schema": {"type": "string"}, "example": example}

"""Requests built from the examples of the OpenAPI document, and checks of answers against its schemas."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

from openapi_schema_validator import OAS31Validator

from portal.api.document import FORM, JSON, OPTIONAL_HEADERS

Document = dict[str, Any]


@dataclass(frozen=True)
class DocumentedOperation:
    """An operation of the document."""

    document: Document
    path: str
    method: str

    @property
    def content(self) -> dict[str, Any]:
        return self.document["paths"][self.path][self.method]

    @property
    def id(self) -> str:
        return self.content["operationId"]

    @property
    def parameters(self) -> list[dict[str, Any]]:
        return self.content["parameters"]

    @property
    def body(self) -> tuple[str, dict[str, Any]] | None:
        """The content type of the body, and its Media Type Object."""
        content = self.content.get("requestBody", {}).get("content")
        return next(iter(content.items())) if content else None

    def resolve_schema(self, reference: Mapping[str, Any]) -> dict[str, Any]:
        """Return a schema, or the component that it refers to."""
        name = reference.get("$ref", "").rpartition("/")[2]
        return self.document["components"]["schemas"][name] if name else dict(reference)

    def build_request(self, *optional: str, nulls: tuple[str, ...] = ()) -> DocumentedRequest:
        """Build a request from the examples: required parameters, these optional ones, and a body with these nulls."""
        examples: dict[str, dict[str, Any]] = {"path": {}, "query": {}, "header": {}}
        for parameter in self.parameters:
            if parameter.get("required") or parameter["name"] in optional:
                examples[parameter["in"]][parameter["name"]] = parameter["example"]
        body = deepcopy(self.body[1]["example"]) if self.body else None
        for name in nulls:
            body[name] = None
        return DocumentedRequest(self, examples["path"], examples["query"], examples["header"], body)

    @property
    def optional_fields(self) -> list[str]:
        """The optional fields of a JSON body."""
        if self.body is None or self.body[0] != JSON:
            return []
        schema = self.resolve_schema(self.body[1]["schema"])
        return [name for name in schema["properties"] if name not in schema.get("required", ())]

    @property
    def defaults(self) -> dict[str, Any]:
        """The documented defaults of the query parameters."""
        found = {one["name"]: one["schema"].get("default") for one in self.parameters if one["in"] == "query"}
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class DocumentedRequest:
    """A request of an operation."""

    operation: DocumentedOperation
    path: dict[str, str]
    query: dict[str, Any]
    headers: dict[str, str]
    body: Any = None

    def send(self, client: Any, token: str) -> Any:
        """Send the request as a generated client does."""
        options: dict[str, Any] = {}
        if self.body is not None:
            kind = self.operation.body[0]
            options = {"json": self.body} if kind == JSON else {"data": encode_form(self.body), "content_type": FORM}
        headers = {"Authorization": f"Bearer {token}"} | self.headers
        address = self.operation.path.format(**self.path)
        method = self.operation.method.upper()
        return client.open(address, method=method, query_string=self.query, headers=headers, **options)


def encode_form(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of a form as OpenAPI 3.1 defines them: repeated parts for arrays, JSON for objects."""
    parts: dict[str, Any] = {}
    for name, value in body.items():
        if name == "file":
            parts[name] = (io.BytesIO(value.encode()), "contacts.csv")
        elif isinstance(value, list):
            parts[name] = [str(item) for item in value]
        elif isinstance(value, dict):
            parts[name] = json.dumps(value)
        else:
            parts[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return parts


def operations_of(document: Document) -> Iterator[DocumentedOperation]:
    """Yield every operation."""
    for path, methods in document["paths"].items():
        for method in methods:
            yield DocumentedOperation(document, path, method)


def forbid_other_keys(schema: Any) -> Any:
    """Return a schema whose objects have only the documented keys, unless it allows others."""
    if isinstance(schema, list):
        return [forbid_other_keys(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    inner = {name: forbid_other_keys(member) for name, member in schema.items()}
    is_object = schema.get("type") == "object" and "properties" in schema
    return {"additionalProperties": False} | inner if is_object else inner


def build_validator(document: Document, schema: Mapping[str, Any]) -> OAS31Validator:
    """Return a validator that also finds undocumented keys."""
    return OAS31Validator({**forbid_other_keys(schema), "components": forbid_other_keys(document["components"])})


def assert_documented(document: Document, path: str, method: str, answer: Any) -> None:
    """Check an answer, its headers and its body against the document."""
    response = document["paths"][path][method]["responses"][str(answer.status_code)]
    for name in response["headers"].keys() - OPTIONAL_HEADERS:
        assert name in answer.headers, f"{answer.status_code} lacks {name}"
    if "content" not in response:
        assert answer.data == b""
        return
    schema = response["content"][answer.content_type]["schema"]
    if schema == {"type": "string"}:  # a file
        assert answer.data
        return
    build_validator(document, schema).validate(answer.json)

"""Present the OpenAPI document on the page of the API. No SQL, no request, no HTML."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from portal.api.document import COMMON_ERRORS, FORM
from portal.web.errors import error_text

METHODS = ("get", "post", "patch", "delete")


@dataclass(frozen=True)
class FieldView:
    """A parameter, a field of a body, or a field of an answer; `choices` of an enum, else empty."""

    name: str
    type: str
    is_required: bool
    description: str
    place: str = ""  # of a parameter: path, query or header
    example: str = ""
    choices: tuple[str, ...] = ()
    control: str = "text"  # in the form that sends requests: text, lines, json, choice, file


@dataclass(frozen=True)
class BodyView:
    """A body: its content type, its fields, and an example as text. A form has one control for each field."""

    content_type: str
    fields: list[FieldView]
    example: str

    @property
    def is_form(self) -> bool:
        """Return whether the body is a form."""
        return self.content_type == FORM


@dataclass(frozen=True)
class AnswerView:
    """An answer: its status, description, own headers and body."""

    status: str
    description: str
    headers: list[str]
    body: BodyView | None


@dataclass(frozen=True)
class OperationView:
    """An operation. `answers` leaves out the errors that every operation has with the same text."""

    id: str
    method: str
    path: str
    summary: str
    description: str
    parameters: list[FieldView]
    body: BodyView | None
    answers: list[AnswerView]


@dataclass(frozen=True)
class DocumentationView:
    """The document: its paragraphs, the operations by tag, and the errors of every operation."""

    title: str
    version: str
    paragraphs: list[str]
    groups: list[tuple[str, str, list[OperationView]]]
    errors: list[tuple[int, str]]


def documentation_view(document: Mapping[str, Any]) -> DocumentationView:
    """Return the document as the page shows it."""
    operations = [
        (content["tags"][0], operation_view(path, method, content, document))
        for path, methods in document["paths"].items()
        for method, content in methods.items()
    ]
    info = document["info"]
    return DocumentationView(
        title=info["title"],
        version=info["version"],
        paragraphs=[info["summary"], *info["description"].split("\n\n")],
        groups=[
            (tag["name"].capitalize(), tag["description"], [one for name, one in operations if name == tag["name"]])
            for tag in document["tags"]
        ],
        errors=[(code, error_text(code).api) for code in COMMON_ERRORS],
    )


def operation_view(path: str, method: str, content: Mapping[str, Any], document: Mapping[str, Any]) -> OperationView:
    """Return an operation."""
    schemas = document["components"]["schemas"]
    body = content.get("requestBody")
    return OperationView(
        id=content["operationId"],
        method=method.upper(),
        path=path,
        summary=content["summary"],
        description=content["description"],
        parameters=[parameter_view(parameter, schemas) for parameter in content["parameters"]],
        body=body_view(body["content"], schemas) if body else None,
        answers=[
            answer_view(status, answer, schemas)
            for status, answer in content["responses"].items()
            if answer["description"] != error_text(int(status)).api
        ],
    )


def parameter_view(parameter: Mapping[str, Any], schemas: Mapping[str, Any]) -> FieldView:
    """Return a parameter."""
    field = field_view(parameter["name"], parameter["schema"], schemas, is_required=parameter.get("required", False))
    default = parameter["schema"].get("default")
    description = parameter["description"] + (f" Default: {default}." if default is not None else "")
    example = parameter["example"]
    return FieldView(
        field.name,
        field.type,
        field.is_required,
        description,
        parameter["in"],
        ",".join(example) if isinstance(example, list) else str(example),
        () if field.type.startswith("array") else field.choices,
        "choice" if field.control == "choice" else "text",
    )


def body_view(content: Mapping[str, Any], schemas: Mapping[str, Any]) -> BodyView:
    """Return a body with the fields of its objects, the inner ones by their paths."""
    ((content_type, media),) = content.items()
    example = media["example"]
    text = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
    schema = resolve(media["schema"], schemas)
    fields = list(object_fields(schema, schemas, deep=content_type != FORM))
    return BodyView(content_type, fields, text)


def answer_view(status: str, answer: Mapping[str, Any], schemas: Mapping[str, Any]) -> AnswerView:
    """Return an answer; the headers of all answers are left out."""
    headers = [name for name in answer["headers"] if not name.startswith(("RateLimit", "X-Request-Id"))]
    body = body_view(answer["content"], schemas) if "content" in answer else None
    return AnswerView(status, answer["description"], headers, body)


def object_fields(
    schema: Mapping[str, Any], schemas: Mapping[str, Any], *, deep: bool = True, before: str = ""
) -> Iterator[FieldView]:
    """Yield the fields of an object; `deep` = those of inner objects and of the items of lists too."""
    for name, inner in schema.get("properties", {}).items():
        yield field_view(before + name, inner, schemas, is_required=name in schema.get("required", ()))
        if deep:
            known = resolve(inner, schemas)
            items = resolve(known.get("items", {}), schemas)
            yield from object_fields(known, schemas, before=f"{before}{name}.")
            yield from object_fields(items, schemas, before=f"{before}{name}[].")


def field_view(name: str, schema: Mapping[str, Any], schemas: Mapping[str, Any], *, is_required: bool) -> FieldView:
    """Return a field."""
    known = resolve(schema, schemas)
    kind = known.get("type", "")
    examples = schema.get("examples") or known.get("examples") or [""]
    choices = tuple(known.get("enum", ())) or (("false", "true") if kind == "boolean" and "const" not in known else ())
    return FieldView(
        name=name,
        type=describe_type(schema, schemas),
        is_required=is_required,
        description=schema.get("description", ""),
        example=str(examples[0]),
        choices=choices,
        control=control_for(known, choices),
    )


def control_for(schema: Mapping[str, Any], choices: tuple[str, ...]) -> str:
    """Return the control for a field of a form."""
    if schema.get("format") == "binary":
        return "file"
    return {"array": "lines", "object": "json"}.get(schema.get("type", ""), "choice" if choices else "text")


def resolve(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the schema of a value that is not null, without a reference."""
    if "anyOf" in schema:
        return resolve(schema["anyOf"][0], schemas)
    return schemas[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema


def describe_type(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> str:
    """Return a type in words: "integer, 1 to 100", "array of strings, up to 100", "string or null"."""
    known = resolve(schema, schemas)
    text = known.get("format", "") if known.get("format") in ("date-time", "binary") else known.get("type", "any")
    if "const" in known:
        text = json.dumps(known["const"])
    if "enum" in known:
        text = "one of " + ", ".join(map(str, known["enum"]))
    if known.get("type") == "array":
        text = f"array of {describe_type(known['items'], schemas)}"
    if "minimum" in known and "maximum" in known:
        text += f", {known['minimum']:,} to {known['maximum']:,}"
    if "maxLength" in known:
        text += f", up to {known['maxLength']:,} characters"
    if "maxItems" in known:
        text += f", up to {known['maxItems']:,} items"
    is_nullable = {"type": "null"} in schema.get("anyOf", ())
    return f"{text} or null" if is_nullable else text

"""The schemas of the OpenAPI document: Pydantic's, in the form that client generators understand, and examples."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from portal.web.parameters import models_by_name

SCHEMAS = "#/components/schemas/{model}"
NULL = {"type": "null"}


def component_schemas(
    models: Iterable[type[BaseModel]], queries: Iterable[str], forms: Iterable[str]
) -> dict[str, Any]:
    """Return the schema of every model and enum, by name; `queries` and `forms` are names of such models."""
    _, document = models_json_schema([(model, "validation") for model in models], ref_template=SCHEMAS)
    schemas = {name: without_titles(schema) for name, schema in sorted(document["$defs"].items())}
    requests = models_by_name()
    for name, schema in schemas.items():
        if name not in requests:
            open_object(schema)
            continue
        required = schema.get("required", ())
        for field, inner in schema["properties"].items():
            inner = without_null(inner)
            if name not in queries:
                describe_default(inner)
                inner = inner if name in forms or field in required else with_null(inner)
            schema["properties"][field] = inner
    return schemas


def without_titles(schema: Any) -> Any:
    """Return a schema without the titles that Pydantic makes of names: generators would name types after them."""
    if isinstance(schema, list):
        return [without_titles(member) for member in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: {field: without_titles(inner) for field, inner in member.items()}
        if name == "properties"
        else without_titles(member)
        for name, member in schema.items()
        if name != "title" or not isinstance(member, str)
    }


def open_object(schema: dict[str, Any]) -> None:
    """Remove the defaults from an answer: a client must not invent what the portal did not send."""
    for inner in schema.get("properties", {}).values():
        inner.pop("default", None)


def without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a value that is omitted instead of null."""
    choices = [choice for choice in schema.get("anyOf", ()) if choice != NULL]
    if len(choices) != 1:
        return schema
    return choices[0] | {name: value for name, value in schema.items() if name != "anyOf"}


def with_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of an optional field of a JSON body, where null means "not given" (contract, section 3)."""
    notes = {name: schema.pop(name) for name in ("description", "examples") if name in schema}
    return {"anyOf": [schema, NULL]} | notes


def describe_default(schema: dict[str, Any]) -> None:
    """Move the default of a field into its description.

    openapi-typescript requires fields with a default, and other generators send them: without it, a client omits them.
    """
    default = schema.pop("default", None)
    if default in (None, "", []):
        return
    text = default if isinstance(default, str) else json.dumps(default)
    schema["description"] = f"{schema.get('description', '')} Default: {text}.".lstrip()


def referenced_schemas(paths: Mapping[str, Any], schemas: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schemas that the paths use, directly or through others."""
    used: dict[str, None] = {}
    pending = list(references(paths))
    while pending:
        name = pending.pop()
        if name not in used:
            used[name] = None
            pending += references(schemas[name])
    return {name: schema for name, schema in schemas.items() if name in used}


def references(part: Any) -> Iterator[str]:
    """Return the names of the schemas that a part of the document refers to."""
    if isinstance(part, Mapping):
        reference = part.get("$ref")
        if isinstance(reference, str) and reference.startswith(SCHEMAS.format(model="")):
            yield reference.rpartition("/")[2]
    for member in part.values() if isinstance(part, Mapping) else part if isinstance(part, list) else ():
        yield from references(member)


def build_example(schema: Mapping[str, Any], schemas: Mapping[str, Any]) -> Any:
    """Return an example of a schema, made of the examples of its parts. Raises LookupError for a text without one."""
    if "examples" in schema:
        return schema["examples"][0]
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    if "$ref" in schema:
        return build_example(schemas[schema["$ref"].rpartition("/")[2]], schemas)
    if "anyOf" in schema:
        return build_example(schema["anyOf"][0], schemas)
    kind = schema.get("type")
    if kind == "object":
        # A body shows every field; an answer, which is open, only those that are always there.
        shown = schema["properties"] if schema.get("additionalProperties") is False else schema.get("required", ())
        return {name: build_example(schema["properties"][name], schemas) for name in shown}
    if kind == "array":
        return [build_example(schema["items"], schemas)]
    if kind in ("integer", "boolean", "null"):
        return {"integer": schema.get("minimum", 0), "boolean": False, "null": None}[kind]
    raise LookupError(f"add examples to the field with this schema: {schema}")

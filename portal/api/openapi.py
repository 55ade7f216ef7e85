"""What a view says about itself for the OpenAPI document: scope, parameters, body and answers.

`document_operation` attaches an Operation to a view; portal/api/document.py builds the document from them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from pydantic import BaseModel

from portal.api.schema import ErrorBody
from portal.models import Scope
from portal.web.parameters import Parameters


@dataclass(frozen=True)
class SuccessAnswer:
    """A successful answer: its description, the model of its body (None = no body), its own headers.

    Without `example`, the examples of the model's fields make one; an answer with a `file` (its content type) needs it.
    """

    description: str
    body: type[BaseModel] | None = None
    headers: Iterable[str] = ()
    example: Any = None
    file: str = ""


class ErrorAnswer(NamedTuple):
    """An error: the model of its body, and a description and an example of `errorMessage` (empty = the default)."""

    body: type[BaseModel]
    description: str = ""
    message: str = ""


Errors = dict[int, tuple[type[BaseModel], str] | tuple[type[BaseModel], str, str]]

CONDITIONAL_HEADERS = ("ETag", "Cache-Control")
NOT_MODIFIED = SuccessAnswer("Nothing has changed since the answer with this ETag.", None, CONDITIONAL_HEADERS)


@dataclass(frozen=True)
class Operation:
    """An endpoint: its parameters, the scope it requires, and its answers.

    `errors` are those besides the errors of every endpoint, by status, as ErrorAnswer takes them. Without `example`,
    the examples of the body's fields make one.
    """

    summary: str
    description: str
    scope: Scope
    successes: Mapping[int, SuccessAnswer]
    errors: Errors = field(default_factory=dict)
    query: type[Parameters] | None = None
    body: type[Parameters] | None = None
    form: bool = False  # the body is a form with a file, not JSON
    takes_key: bool = False  # Idempotency-Key (portal/idempotency)
    tag: str = "batches"
    example: Mapping[str, Any] | None = None  # of the request body

    @property
    def is_conditional(self) -> bool:
        """Return whether a client can send If-None-Match."""
        return 304 in self.successes


# Errors that several endpoints share: those with a request body, and those of a single batch.
INVALID_BODY_ERRORS: Errors = {
    400: (
        ErrorBody,
        "A field of the body is missing, unknown or invalid; the message names it.",
        "note is not a known parameter",
    ),
    413: (ErrorBody, ""),
    415: (ErrorBody, ""),
}
BATCH_NOT_FOUND_ERRORS: Errors = {
    404: (ErrorBody, "The batch does not exist, is deleted, or belongs to another user.", "Batch not found")
}

View = TypeVar("View", bound=Callable[..., Any])


def document_operation(operation: Operation) -> Callable[[View], View]:
    """Return a decorator that describes a view in the document."""

    def with_operation(view: View) -> View:
        view.operation = operation  # type: ignore[attr-defined]
        return view

    return with_operation

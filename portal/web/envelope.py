"""The JSON bodies of the API (contract, sections 1 and 3); portal/api/schema.py describes them for the document."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Response, current_app


def success_response(data: Any, message: str = "", code: int = 200, error_message: str = "") -> Response:
    """Return the envelope of a success; an `error_message` marks it as a partial one (207)."""
    return json_response(envelope(code, message, data, error_message), code)


def success_flag_response(**fields: Any) -> Response:
    """Return the short body that some endpoints use: success and their own fields."""
    return json_response({"success": True, **fields}, 200)


def error_response(
    code: int, error_message: str, data: Any = None, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the envelope of an error."""
    response = json_response(error_body(code, error_message, data), code)
    response.headers.update(headers or {})
    return response


def error_body(code: int, error_message: str, data: Any = None) -> dict[str, Any]:
    """Return the envelope of an error as a mapping, for use without an app."""
    return envelope(code, HTTPStatus(code).phrase, data, error_message)


def envelope(code: int, message: str, data: Any, error_message: str) -> dict[str, Any]:
    """Return the contract's five keys in the contract's order."""
    return {
        "message": message,
        "status": not error_message,
        "code": code,
        "errorMessage": error_message,
        "data": data,
    }


def json_response(body: dict[str, Any], code: int) -> Response:
    """Return a JSON response with this status."""
    response = current_app.json.response(body)
    response.status_code = code
    return response

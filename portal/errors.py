"""What an error looks like: the API's envelope, or a page in plain words; nobody ever sees a stack trace."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, request
from sqlalchemy.exc import InterfaceError, OperationalError
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from portal.parameters import BadParameter
from portal.sessions import is_api

# What an API caller reads when nothing more exact was said; pages have words of their own in templates/error.html.
PLAIN = {
    400: "The request cannot be read",
    401: "Send a valid token as Authorization: Bearer <token>",
    403: "This token may not do that",
    404: "There is nothing at this address",
    405: "This address does not take that method",
    413: "The body is too large",
    414: "The address is too long",
    415: "The content type is not one that is taken here",
    429: "Too many requests; wait before the next",
    500: "Failed to fetch batch data; retry or contact support",
    503: "The database cannot be reached; retry in a few seconds",
}


class ApiError(Exception):
    """An answer under /api/ that is not a success. `data` is null unless the contract says otherwise."""

    def __init__(self, code: int, message: str = "", data: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message or PLAIN[code])
        self.code = code
        self.data = data
        self.headers = headers or {}


def envelope(code: int, message: str, data: Any = None, headers: dict[str, str] | None = None) -> Response:
    """The contract's error body, section 3."""
    response = current_app.json.response(
        {
            "message": HTTPStatus(code).phrase,
            "status": False,
            "code": code,
            "errorMessage": message,
            "data": data,
        }
    )
    response.status_code = code
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def init_app(app: Flask) -> None:
    """Tie every way of failing to its answer."""
    from portal.pages import error_page

    def answer(code: int, message: str = "", headers: dict[str, str] | None = None) -> Response:
        if is_api(request.path):
            return envelope(code, message or PLAIN.get(code, HTTPStatus(code).phrase), headers=headers)
        response = error_page(code, message)
        response.headers.update(headers or {})
        return response

    @app.errorhandler(ApiError)
    def refused(error: ApiError) -> Response:
        return envelope(error.code, str(error), error.data, error.headers)

    @app.errorhandler(BadParameter)
    def bad_parameter(error: BadParameter) -> Response:
        return answer(400, str(error))

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        response = error.get_response()
        if response.status_code < 400:
            return response
        kept = {name: value for name, value in response.headers if name in ("Allow", "Retry-After", "WWW-Authenticate")}
        return answer(response.status_code, headers=kept)

    @app.errorhandler(OperationalError)
    @app.errorhandler(InterfaceError)
    def database_away(error: Exception) -> Response:
        app.logger.error("database: %s", type(error.orig).__name__)
        return answer(503, headers={"Retry-After": "2"})

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        app.logger.exception("unexpected failure")
        try:
            return answer(500)
        except Exception:  # the page that should say so is what is broken
            app.logger.exception("unexpected failure of the error page")
            return Response("The portal failed. Try again; your data is as it was.", 500, mimetype="text/plain")

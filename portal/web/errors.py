"""What an error looks like: the API's envelope, or a page in plain words; nobody ever sees a stack trace."""

from __future__ import annotations

import errno
from http import HTTPStatus
from typing import Any

from flask import Flask, current_app, request
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from portal.db.outages import Outage, find_outage
from portal.telemetry import metrics
from portal.web.parameters import InvalidParameter
from portal.web.sessions import is_api

# What an API caller reads when nothing more exact was said; pages have words of their own in templates/error.html.
DEFAULT_MESSAGES = {
    400: "The request cannot be read",
    401: "Send a valid token as Authorization: Bearer <token>",
    403: "This token may not do that",
    404: "There is nothing at this address",
    405: "This address does not take that method",
    413: "The body is too large",
    414: "The address is too long",
    415: "The content type is not one that is taken here",
    429: "Too many requests; wait before the next",
    431: "The header fields are too many or too long",
    500: "Failed to fetch batch data; retry or contact support",
    503: "The database cannot be reached; retry in a few seconds",
    507: "The portal's disk is full; nothing was stored",
}

# What became of a request that the database failed: the status, and a page's title and the words where those of the
# status do not fit.
OUTAGE_RESPONSES = {
    Outage.UNAVAILABLE: (503, "", ""),
    Outage.SLOW: (503, "That took too long", "The database took too long; retry in a few seconds, or ask for less"),
    Outage.READ_ONLY: (
        503,
        "Only reading, for now",
        "The portal can be read but not changed for now; retry in a few seconds",
    ),
    Outage.FULL: (507, "", ""),
}
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
RETRY = {"Retry-After": "2"}


class ApiError(Exception):
    """An answer under /api/ that is not a success. `data` is null unless the contract says otherwise."""

    def __init__(self, code: int, message: str = "", data: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message or DEFAULT_MESSAGES[code])
        self.code = code
        self.data = data
        self.headers = headers or {}


def error_body(code: int, message: str, data: Any = None) -> dict[str, Any]:
    """What stands in the envelope."""
    phrase = HTTPStatus(code).phrase
    return {"message": phrase, "status": False, "code": code, "errorMessage": message, "data": data}


def error_response(code: int, message: str, data: Any = None, headers: dict[str, str] | None = None) -> Response:
    """The contract's error body, section 3."""
    response = current_app.json.response(error_body(code, message, data))
    response.status_code = code
    response.headers["Cache-Control"] = "no-store"
    response.headers.update(headers or {})
    return response


def classify_outage(error: Exception) -> Outage | None:
    """What is out of order outside of the portal; None where the portal itself is at fault."""
    if isinstance(error, OSError):
        return Outage.FULL if error.errno in DISK_FULL else None
    return find_outage(error)


def describe_failure(error: Exception) -> str:
    """What somebody is told who waits for long work, which answers in its own way (portal/web/progress.py)."""
    found = classify_outage(error)
    code, _, words = OUTAGE_RESPONSES[found] if found else (500, "", "")
    return words or DEFAULT_MESSAGES[code]


def init_app(app: Flask) -> None:
    """Tie every way of failing to its answer."""
    from portal.web.rendering import error_page

    def answer(code: int, message: str = "", headers: dict[str, str] | None = None, title: str = "") -> Response:
        if is_api(request.path):
            return error_response(code, message or DEFAULT_MESSAGES.get(code, HTTPStatus(code).phrase), headers=headers)
        response = error_page(code, message, title)
        response.headers.update(headers or {})
        return response

    @app.errorhandler(ApiError)
    def refused(error: ApiError) -> Response:
        return error_response(error.code, str(error), error.data, error.headers)

    @app.errorhandler(InvalidParameter)
    def bad_parameter(error: InvalidParameter) -> Response:
        return answer(400, str(error))

    @app.errorhandler(HTTPException)
    def http_error(error: HTTPException) -> Response:
        response = error.get_response()
        if response.status_code < 400:
            return response
        kept = {name: value for name, value in response.headers if name in ("Allow", "Retry-After", "WWW-Authenticate")}
        return answer(response.status_code, headers=kept)

    @app.errorhandler(DBAPIError)
    @app.errorhandler(NoConnectionFree)
    @app.errorhandler(OSError)
    def out_of_order(error: Exception) -> Response:
        found = classify_outage(error)
        if found is None:
            return failed(error)
        metrics.database_errors.labels(found).inc()
        app.logger.error("database: %s, %s", found, type(getattr(error, "orig", error)).__name__)
        code, title, words = OUTAGE_RESPONSES[found]
        return answer(code, words, RETRY if code == 503 else None, title)

    @app.errorhandler(Exception)
    def failed(error: Exception) -> Response:
        app.logger.exception("unexpected failure")
        try:
            return answer(500)
        except Exception:  # the page that should say so is what is broken
            app.logger.exception("unexpected failure of the error page")
            return Response("The portal failed. Try again; your data is as it was.", 500, mimetype="text/plain")


def batch_not_found() -> ApiError:
    """One answer for a batch that never was, is deleted, or is another's."""
    return ApiError(404, "There is no such batch")

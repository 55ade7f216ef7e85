"""Errors as responses: the API's envelope or an HTML page. No response contains a stack trace."""

from __future__ import annotations

import errno
from http import HTTPStatus
from typing import Any, NamedTuple

from flask import Flask, request
from flask.globals import request_ctx
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.exceptions import HTTPException
from werkzeug.wrappers import Response

from portal.db.outages import Outage, find_outage
from portal.limits import file_slots
from portal.limits.file_slots import NoFileSlot
from portal.telemetry import metrics
from portal.web.client_connection import ClientGone
from portal.web.envelope import error_response
from portal.web.parameters import InvalidParameter
from portal.web.rendering import render
from portal.web.sessions import is_api


class ErrorText(NamedTuple):
    """The default texts of an error: `errorMessage` in the API, title and message of the page."""

    api: str
    title: str = ""
    page: str = ""


INVALID_REQUEST = "Invalid request"
ERROR_TEXTS = {
    400: ErrorText(
        "The request could not be read; check its syntax",
        INVALID_REQUEST,
        "The request could not be read. Reload the page and try again.",
    ),
    401: ErrorText("Send a valid token as Authorization: Bearer <token>"),
    403: ErrorText(
        "This token does not have permission for this request",
        "Access denied",
        "Your account does not have permission for this. Ask an admin for access.",
    ),
    404: ErrorText(
        "Not found; check the path",
        "Not found",
        "This page does not exist, or you do not have access to it. Check the address.",
    ),
    405: ErrorText(
        "This path does not support the method; use one of those in Allow",
        INVALID_REQUEST,
        "This address does not support the action. Go back and try again.",
    ),
    413: ErrorText(
        "The request body is too large; send less data",
        "Request too large",
        "The request is over the size limit. Send less data or a smaller file.",
    ),
    414: ErrorText(
        "The URL is too long; send fewer or shorter parameters",
        "Address too long",
        "The address of this page is too long. Use a shorter search or fewer filters.",
    ),
    415: ErrorText("Unsupported content type; send application/json"),
    429: ErrorText(
        "Too many requests; wait before the next one",
        "Too many requests",
        "You sent too many requests. Wait a few seconds, then reload the page.",
    ),
    431: ErrorText("The request headers are too large; send fewer or shorter headers"),
    500: ErrorText(
        "Failed to fetch batch data; retry or contact support",
        "Something went wrong",
        "Something went wrong on our side and has been logged. Try again.",
    ),
    503: ErrorText(
        "Database unavailable; retry in a few seconds",
        "Database unavailable",
        "The portal cannot reach its database. Try again in a few seconds.",
    ),
    507: ErrorText(
        "The server's disk is full, so nothing was stored; free some space, then retry",
        "Disk full",
        "The server's disk is full, so nothing was stored. Free some space, then try again.",
    ),
}

OUTAGE_TEXTS = {
    Outage.UNAVAILABLE: (503, ERROR_TEXTS[503]),
    Outage.SLOW: (
        503,
        ErrorText(
            "The database took too long; retry in a few seconds or request less data",
            "The request took too long",
            "The database took too long. Try again in a few seconds, or use more filters.",
        ),
    ),
    Outage.READ_ONLY: (
        503,
        ErrorText(
            "Read-only mode: changes are not possible; retry in a few seconds",
            "Read-only mode",
            "Changes are not possible at the moment. Try again in a few seconds.",
        ),
    ),
    Outage.FULL: (507, ERROR_TEXTS[507]),
}
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)
RETRY = {"Retry-After": "2"}
CLIENT_GONE = 499  # for the log, as in nginx: nothing arrives


class ApiError(Exception):
    """An error response of the API. `data` is null unless the contract says otherwise."""

    def __init__(self, code: int, message: str = "", data: Any = None, headers: dict[str, str] | None = None) -> None:
        super().__init__(message or error_text(code).api)
        self.code = code
        self.data = data
        self.headers = headers or {}


def batch_not_found() -> ApiError:
    """Return the same error for a batch that does not exist, is deleted, or belongs to another user."""
    return ApiError(404, "Batch not found")


def error_text(code: int) -> ErrorText:
    """Return the default texts of a status."""
    return ERROR_TEXTS.get(code) or ErrorText(HTTPStatus(code).phrase)


def error_page(code: int, text: ErrorText) -> Response:
    """Return an error as a page, or for htmx only as a message that leaves the page unchanged."""
    title = text.title or HTTPStatus(code).phrase
    message = text.page or "Go back, reload the page and try again."
    if request_ctx.url_adapter is None:  # invalid Host header: the links of a page cannot be built
        return Response(f"{title}. {message}\n", code, mimetype="text/plain")
    return render("error.html", "components/_message.html", status=code, code=code, title=title, message=message)


def classify_outage(error: Exception) -> Outage | None:
    """Return the kind of outage outside the portal, or None for a bug."""
    if isinstance(error, OSError):
        return Outage.FULL if error.errno in DISK_FULL else None
    return find_outage(error)


def describe_failure(error: Exception) -> str:
    """Return the page message for a failure of long work, which has its own response (portal/web/progress.py)."""
    outage = classify_outage(error)
    return (OUTAGE_TEXTS[outage][1] if outage else ERROR_TEXTS[500]).page


def init_app(app: Flask) -> None:
    """Register the error handlers."""

    def respond(code: int, text: ErrorText, headers: dict[str, str] | None = None) -> Response:
        if is_api(request.path):
            return error_response(code, text.api, headers=headers)
        response = error_page(code, text)
        response.headers.update(headers or {})
        return response

    @app.errorhandler(ApiError)
    def handle_api_error(error: ApiError) -> Response:
        return error_response(error.code, str(error), error.data, error.headers)

    @app.errorhandler(InvalidParameter)
    def handle_invalid_parameter(error: InvalidParameter) -> Response:
        return respond(400, ErrorText(str(error), INVALID_REQUEST, str(error)))

    @app.errorhandler(HTTPException)
    def handle_http_error(error: HTTPException) -> Response:
        response = error.get_response()
        code = response.status_code
        if code < 400:
            return response
        names = ("Allow", "Retry-After", "WWW-Authenticate")
        headers = {name: value for name, value in response.headers if name in names}
        return respond(code, error_text(code), headers)

    @app.errorhandler(NoFileSlot)
    def handle_no_file_slot(error: NoFileSlot) -> Response:
        text = ErrorText(f"{error}; retry in a few seconds", "Try again in a few seconds", error.page_message)
        return respond(error.code, text, {"Retry-After": str(file_slots.RETRY_SECONDS)})

    @app.errorhandler(ClientGone)
    def handle_client_gone(_error: ClientGone) -> Response:
        return Response(status=CLIENT_GONE)

    @app.errorhandler(DBAPIError)
    @app.errorhandler(PoolTimeout)
    @app.errorhandler(OSError)
    def handle_outage(error: Exception) -> Response:
        outage = classify_outage(error)
        if outage is None:
            return handle_unexpected_error(error)
        metrics.database_errors.labels(outage).inc()
        app.logger.error("database: %s, %s", outage, type(getattr(error, "orig", error)).__name__)
        code, text = OUTAGE_TEXTS[outage]
        return respond(code, text, RETRY if code == 503 else None)

    @app.errorhandler(Exception)
    def handle_unexpected_error(error: Exception) -> Response:
        app.logger.exception("unexpected failure")
        try:
            return respond(500, ERROR_TEXTS[500])
        except Exception:  # the error page itself is broken
            app.logger.exception("unexpected failure of the error page")
            return Response(ERROR_TEXTS[500].page, 500, mimetype="text/plain")

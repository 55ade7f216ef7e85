"""Health checks and metrics, without sessions, rate limits or log lines above DEBUG."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, abort, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from portal.db.outages import find_outage
from portal.server import schema_version, stopping
from portal.telemetry import dialing_metrics, metrics

blueprint = Blueprint("health", __name__)

RETRY_AFTER_SECONDS = "2"


@blueprint.get("/healthz")
def liveness() -> Response:
    """Return 200 while the process runs. No database access: an outage of the database must not cause restarts."""
    return status_response(200, "ok")


@blueprint.get("/readyz")
def readiness() -> Response:
    """Return 200 if the database is available and its schema is not older than this release."""
    if stopping.is_stopping():
        return status_response(503, "not ready", "this process is stopping")
    try:
        is_outdated = schema_version.is_schema_outdated()
    except SQLAlchemyError as error:
        if not find_outage(error):
            raise
        return status_response(503, "not ready", "the database is unavailable")
    if is_outdated:
        return status_response(503, "not ready", "the database schema is outdated; run: flask --app wsgi db upgrade")
    return status_response(200, "ready")


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Return the metrics to clients with METRICS_TOKEN, or 404 without that setting."""
    token = current_app.config["METRICS_TOKEN"]
    if not token:
        abort(404)
    sent = request.headers.get("Authorization", "")
    if not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
        abort(Response("Send METRICS_TOKEN as Authorization: Bearer\n", 401, {"WWW-Authenticate": "Bearer"}))
    return Response(metrics.render_metrics(dialing_metrics.collect_dialing), content_type=CONTENT_TYPE_LATEST)


def status_response(code: int, status: str, reason: str = "") -> Response:
    """Return the JSON response of a health check."""
    response = jsonify({"status": status} | ({"reason": reason} if reason else {}))
    response.status_code = code
    if code == 503:
        response.headers["Retry-After"] = RETRY_AFTER_SECONDS
    return response

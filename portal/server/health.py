"""For who runs it: is the process alive, can it answer, how does it do. No session, no limit, no line in the log."""

from __future__ import annotations

import hmac

from flask import Blueprint, Response, abort, current_app, jsonify, request
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy.exc import SQLAlchemyError

from portal.db.outages import find_outage
from portal.server import schema_version, stopping
from portal.telemetry import metrics

blueprint = Blueprint("health", __name__)

RETRY_SECONDS = "2"


@blueprint.get("/healthz")
def liveness() -> Response:
    """The process is alive. Asks nothing of the database, so that no watcher restarts a portal that waits for it."""
    return status_response(200, "ok")


@blueprint.get("/readyz")
def readiness() -> Response:
    """Whether requests should be sent here: the database answers, and its schema is not an old one."""
    if stopping.is_stopping():
        return status_response(503, "not ready", "this process is stopping")
    try:
        old = schema_version.is_schema_outdated()
    except SQLAlchemyError as error:
        if not find_outage(error):
            raise
        return status_response(503, "not ready", "the database cannot be reached")
    if old:
        return status_response(503, "not ready", "the database has an older schema; run: flask --app wsgi db upgrade")
    return status_response(200, "ready")


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """The figures for Prometheus, for who has METRICS_TOKEN; without that setting they are not there."""
    token = current_app.config["METRICS_TOKEN"]
    if not token:
        abort(404)
    sent = request.headers.get("Authorization", "")
    if not hmac.compare_digest(sent.encode(), f"Bearer {token}".encode()):
        abort(Response("Send METRICS_TOKEN as Authorization: Bearer\n", 401, {"WWW-Authenticate": "Bearer"}))
    return Response(metrics.render_metrics(), content_type=CONTENT_TYPE_LATEST, headers={"Cache-Control": "no-store"})


def status_response(code: int, status: str, reason: str = "") -> Response:
    """The short answer that watchers read."""
    response = jsonify({"status": status} | ({"reason": reason} if reason else {}))
    response.status_code = code
    response.headers["Cache-Control"] = "no-store"
    if code == 503:
        response.headers["Retry-After"] = RETRY_SECONDS
    return response

"""Exports of the list and of a batch's calls."""

from __future__ import annotations

from flask import request
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.accounts.current_user import current_actor
from portal.attempts import query as attempts_query
from portal.attempts.fields import ATTEMPT_HEADER, attempt_cells
from portal.audit.account_log import log_export
from portal.batches import query
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import export_details
from portal.batches.rows import export_columns as list_columns
from portal.calls import query as calls_query
from portal.calls.parameters import CallListParameters
from portal.calls.presenter import export_columns
from portal.web.clock import request_clock
from portal.web.export_kinds import EXPORT_KIND_RULE, ExportKind, stream_download
from portal.web.parameters import parse_query


@blueprint.get(f"/export.{EXPORT_KIND_RULE}")
@login_required
def export_list(kind: str) -> Response:
    """Export all pages of the list, in its order."""
    parameters = parse_query(
        request.query_string, BatchListParameters, zone=request_clock().zone, ignore_unknown=True
    ).or_refuse()
    rows = query.stream_batches(parameters.to_list_query(current_user.list_state))
    header, cells = list_columns(parameters.deleted)
    return stream_download(ExportKind(kind), "Batches", header, map(cells, rows), request_clock().zone)


@blueprint.get(f"/<batch_id>/attempts.{EXPORT_KIND_RULE}")
@login_required
def export_attempts(batch_id: str, kind: str) -> Response:
    """Export all attempts of the batch, by call and number."""
    batch = batch_or_404(batch_id)
    public_id, name = batch.id, batch.name  # writing to the audit log expires the batch object
    if request.method == "GET":
        log_export(current_actor(), {"kind": "attempts", "batch": public_id})
    rows = attempts_query.stream_attempts(current_user.key, public_id, None)
    cells = map(attempt_cells, rows)
    return stream_download(ExportKind(kind), f"{name} attempts", ATTEMPT_HEADER, cells, request_clock().zone)


@blueprint.get(f"/<batch_id>/calls.{EXPORT_KIND_RULE}")
@login_required
def export_calls(batch_id: str, kind: str) -> Response:
    """Export all matching calls of the batch, in the selected order."""
    batch = batch_or_404(batch_id)
    parameters = parse_query(request.query_string, CallListParameters, ignore_unknown=True).or_refuse()
    # Writing to the audit log expires the batch object.
    public_id, name, details = batch.id, batch.name, export_details(batch, is_complete=not parameters.is_filtered)
    if request.method == "GET":
        log_export(current_actor(), details)
    call_query = parameters.to_query(current_user.region)
    header, cells = export_columns(calls_query.fetch_field_names(current_user.key, public_id, call_query))
    rows = calls_query.stream_calls(current_user.key, public_id, call_query)
    return stream_download(ExportKind(kind), name, header, map(cells, rows), request_clock().zone)

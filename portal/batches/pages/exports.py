"""The list and a batch's calls as files."""

from __future__ import annotations

from flask import request
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.accounts.current_user import current_actor
from portal.audit.account_log import log_export
from portal.batches import query
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import LIST_HEADER, export_details, list_cells
from portal.calls import query as calls_query
from portal.calls.parameters import CallListParameters
from portal.calls.presenter import export_columns
from portal.web.clock import request_clock
from portal.web.downloads import EXPORT_KIND_RULE, ExportKind, stream_download
from portal.web.parameters import parse_query


@blueprint.get(f"/export.{EXPORT_KIND_RULE}")
@login_required
def export_list(kind: str) -> Response:
    """Every batch that the list would show on all its pages, in its order."""
    asked = parse_query(
        request.query_string, BatchListParameters, zone=request_clock().zone, ignore_unknown=True
    ).or_refuse()
    rows = query.stream_batches(current_user.list_state, asked)
    return stream_download(ExportKind(kind), "Batches", LIST_HEADER, map(list_cells, rows))


@blueprint.get(f"/<batch_id>/calls.{EXPORT_KIND_RULE}")
@login_required
def export_calls(batch_id: str, kind: str) -> Response:
    """Every call of the batch that matches, in the order asked for."""
    batch = batch_or_404(batch_id)
    asked = parse_query(request.query_string, CallListParameters, ignore_unknown=True).or_refuse()
    known, name, taken = batch.id, batch.name, export_details(batch, whole=not asked.is_filtered)
    if request.method == "GET":
        log_export(current_actor(), taken)
    header, cells = export_columns(calls_query.fetch_field_names(current_user.key, known, asked.to_query()))
    rows = calls_query.stream_calls(current_user.key, known, asked.to_query())
    return stream_download(ExportKind(kind), name, header, map(cells, rows))

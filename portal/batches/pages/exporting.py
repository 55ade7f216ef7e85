"""The list and a batch's calls as files."""

from __future__ import annotations

from flask import request
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.accounts.current_user import me
from portal.batches import query
from portal.batches.pages.blueprint import batch_or_404, blueprint
from portal.batches.parameters import BatchListParameters
from portal.batches.presenter import LIST_HEADER, calls_taken, list_cells
from portal.calls import query as calls_query
from portal.calls.parameters import CallView
from portal.calls.presenter import calls_table
from portal.clock import clock
from portal.downloads import FileKind, download
from portal.parameters import read_query
from portal.trail.actions import note_export


@blueprint.get("/export.<any(csv, xlsx):kind>")
@login_required
def export_list(kind: str) -> Response:
    """Every batch that the list would show on all its pages, in its order."""
    asked = read_query(request.query_string, BatchListParameters, zone=clock().zone, ignore_unknown=True).or_refuse()
    rows = query.stream(current_user.list_state, asked)
    return download(FileKind(kind), "Batches", LIST_HEADER, map(list_cells, rows))


@blueprint.get("/<batch_id>/calls.<any(csv, xlsx):kind>")
@login_required
def export_calls(batch_id: str, kind: str) -> Response:
    """Every call of the batch that matches, in the order asked for."""
    batch = batch_or_404(batch_id)
    asked = read_query(request.query_string, CallView, ignore_unknown=True).or_refuse()
    known, name, taken = batch.id, batch.name, calls_taken(batch, whole=not asked.narrows)
    if request.method == "GET":
        note_export(me(), taken)
    header, cells = calls_table(calls_query.field_names(current_user.key, known, asked))
    rows = calls_query.stream(current_user.key, known, asked)
    return download(FileKind(kind), name, header, map(cells, rows))

"""The admins' page of the trail, and the trail as a file."""

from __future__ import annotations

from typing import TypeVar

from flask import Blueprint, Response, request

from portal.accounts.current_user import current_actor
from portal.admin.access import require_admin
from portal.audit import account_log, query
from portal.audit.parameters import AuditExportParameters, AuditFilters, AuditParameters
from portal.audit.presenter import ACCOUNT_EVENT_LABELS, AUDIT_HEADER, audit_entry_cells, audit_entry_view
from portal.models import BatchEvent
from portal.web.clock import request_clock
from portal.web.downloads import ExportKind, stream_download
from portal.web.parameters import ParsedParameters, parse_query
from portal.web.rendering import render

blueprint = Blueprint("audit", __name__, url_prefix="/admin/trail")
blueprint.before_request(require_admin)

FilterModel = TypeVar("Asked", bound=AuditFilters)


def read_filters(model: type[FilterModel]) -> tuple[ParsedParameters[FilterModel], int | None]:
    """What was asked for, and the key of the account that it is about; None where it is about none."""
    reading = parse_query(request.query_string, model, zone=request_clock().zone, ignore_unknown=True)
    user_key = query.find_user_key(reading.values.user) if reading.values.user else None
    if reading.values.user and user_key is None:
        problem = {"user": "user must be the e-mail address of an account, or its id"}
        reading = ParsedParameters(reading.values.model_copy(update={"user": ""}), reading.problems | problem)
    return reading, user_key


@blueprint.get("")
def show_audit_log() -> Response:
    """What was done, newest first."""
    reading, user_key = read_filters(AuditParameters)
    part = query.fetch_audit_page(reading.values, user_key)
    return render(
        "trail/list.html",
        "trail/_table.html",
        status=400 if reading.problems else 200,
        problems=list(reading.problems.values()),
        asked=reading.values,
        older=part.older,
        entries=[audit_entry_view(row) for row in part.rows],
        kinds={"Accounts": ACCOUNT_EVENT_LABELS, "Batches": {event: event.label for event in BatchEvent}},
    )


@blueprint.get("/export.csv")
def export_audit_log() -> Response:
    """Everything that the filters let through, as a file; that it was taken away is itself an entry."""
    reading, user_key = read_filters(AuditExportParameters)
    asked = reading.or_refuse()
    if request.method == "GET":
        account_log.log_export(current_actor(), {"kind": "trail"})
    return stream_download(
        ExportKind.CSV, "Trail", AUDIT_HEADER, map(audit_entry_cells, query.stream_entries(asked, user_key))
    )

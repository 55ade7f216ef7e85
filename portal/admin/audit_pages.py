"""The page of the audit log, and its export."""

from __future__ import annotations

from typing import TypeVar

from flask import Blueprint, Response, request

from portal.accounts.current_user import current_actor
from portal.admin.access import require_admin
from portal.audit import account_log, query
from portal.audit.parameters import AuditExportParameters, AuditFilters, AuditParameters
from portal.audit.presenter import AUDIT_HEADER, EVENT_GROUPS, audit_entry_cells, audit_entry_view
from portal.web.clock import request_clock
from portal.web.export_kinds import ExportKind, stream_download
from portal.web.parameters import ParsedParameters, parse_query
from portal.web.rendering import render

blueprint = Blueprint("audit", __name__, url_prefix="/admin/trail")
blueprint.before_request(require_admin)

Filters = TypeVar("Filters", bound=AuditFilters)


def read_filters(model: type[Filters]) -> tuple[ParsedParameters[Filters], int | None]:
    """Return the parameters, and the key of the account that `user` names, if any."""
    parsed = parse_query(request.query_string, model, zone=request_clock().zone, ignore_unknown=True)
    user_key = query.find_user_key(parsed.values.user) if parsed.values.user else None
    if parsed.values.user and user_key is None:
        problem = {"user": "user must be the email address or id of an account"}
        parsed = ParsedParameters(parsed.values.model_copy(update={"user": ""}), parsed.problems | problem)
    return parsed, user_key


@blueprint.get("")
def show_audit_log() -> Response:
    """Return one page of the audit log, newest first."""
    parsed, user_key = read_filters(AuditParameters)
    page = query.fetch_audit_page(parsed.values, user_key)
    return render(
        "audit/list.html",
        "audit/_table.html",
        problems=parsed.problems,
        parameters=parsed.values,
        older=page.older,
        entries=[audit_entry_view(row) for row in page.rows],
        event_groups=EVENT_GROUPS,
    )


@blueprint.get("/export.csv")
def export_audit_log() -> Response:
    """Return all matching entries as CSV. The export itself is logged first."""
    parsed, user_key = read_filters(AuditExportParameters)
    filters = parsed.or_refuse()
    if request.method == "GET":
        account_log.log_export(current_actor(), {"kind": "audit log"})
    entries = query.stream_entries(filters, user_key)
    return stream_download(ExportKind.CSV, "Audit log", AUDIT_HEADER, map(audit_entry_cells, entries))

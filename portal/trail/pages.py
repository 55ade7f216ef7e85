"""The admins' page of the trail, and the trail as a file."""

from __future__ import annotations

from typing import TypeVar

from flask import Blueprint, Response, request

from portal.accounts.current_user import me
from portal.admin.access import admins_only
from portal.clock import clock
from portal.downloads import FileKind, download
from portal.pages import render
from portal.parameters import Reading, read_query
from portal.trail import actions, query
from portal.trail.parameters import TrailExport, TrailFilters, TrailParameters
from portal.trail.presenter import CHANGES, EVENTS, HEADER, entry_cells, entry_view

blueprint = Blueprint("trail", __name__, url_prefix="/admin/trail")
blueprint.before_request(admins_only)

Asked = TypeVar("Asked", bound=TrailFilters)


def read_filters(model: type[Asked]) -> tuple[Reading[Asked], int | None]:
    """What was asked for, and the key of the account that it is about; None where it is about none."""
    reading = read_query(request.query_string, model, zone=clock().zone, ignore_unknown=True)
    user_key = query.find_user_key(reading.values.user) if reading.values.user else None
    if reading.values.user and user_key is None:
        problem = {"user": "user must be the e-mail address of an account, or its id"}
        reading = Reading(reading.values.model_copy(update={"user": ""}), reading.problems | problem)
    return reading, user_key


@blueprint.get("")
def show_trail() -> Response:
    """What was done, newest first."""
    reading, user_key = read_filters(TrailParameters)
    part = query.fetch_part(reading.values, user_key)
    return render(
        "trail/list.html",
        "trail/_table.html",
        status=400 if reading.problems else 200,
        problems=list(reading.problems.values()),
        asked=reading.values,
        older=part.older,
        entries=[entry_view(row) for row in part.rows],
        kinds={"Accounts": EVENTS, "Batches": CHANGES},
    )


@blueprint.get("/export.csv")
def export_trail() -> Response:
    """Everything that the filters let through, as a file; that it was taken away is itself an entry."""
    reading, user_key = read_filters(TrailExport)
    asked = reading.or_refuse()
    if request.method == "GET":
        actions.note_export(me(), {"kind": "trail"})
    return download(FileKind.CSV, "Trail", HEADER, map(entry_cells, query.stream(asked, user_key)))

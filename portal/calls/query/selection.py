"""Selects of a batch's calls that read every call, for exports, and for what no index and no count can answer."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, String, cast, or_

from portal.calls.parameters import PHONE, STATUS, CallQuery, CallSort
from portal.live import live_calls
from portal.models import Call
from portal.web.pagination import SortOrder

SORT_COLUMNS = {
    CallSort.PHONE_NUMBER: Call.phone_number,
    CallSort.CALL_STATUS: Call.status,
    CallSort.CALL_DURATION: Call.duration_seconds,
    CallSort.LAST_EVENT: Call.last_event_at,
}
FILTER_COLUMNS = {STATUS: Call.status, PHONE: Call.phone_number}  # every other name is a key of Call.fields


def text_conditions(call_query: CallQuery) -> list[ColumnElement[bool]]:
    """Return the conditions that do not depend on the status of a call; the statuses of a search are one of them."""
    conditions = []
    if search := call_query.search:
        by_number = (Call.phone_number.contains(form, autoescape=True) for form in search.number_forms)
        by_text = Call.search_text.contains(search.text, autoescape=True)
        by_status = [Call.status.in_(search.statuses)] if search.statuses else []
        conditions.append(or_(by_text, *by_status, *by_number))
    for name, values in call_query.other_values.items():
        column = FILTER_COLUMNS.get(name)
        if column is None:
            column = cast(Call.fields[name].as_string(), String)
        conditions.append(column.in_(values))
    return conditions


def select_matching(owner_key: int, batch_id: str, call_query: CallQuery) -> Select[tuple[Call]]:
    """Return an unordered select of the batch's calls that match."""
    statement = live_calls(owner_key, batch_id).where(*text_conditions(call_query))
    return statement.where(Call.status.in_(call_query.statuses)) if call_query.statuses else statement


def apply_order(statement: Select[Any], call_query: CallQuery) -> Select[Any]:
    """Sort a select; ties are in the order of creation. Calls without an event come before those with one."""
    descending = call_query.sort_order is SortOrder.DESC
    column = SORT_COLUMNS.get(call_query.sort_by)
    keys = [Call.number] if column is None else [column, Call.number]
    ordered = [key.desc() if descending else key.asc() for key in keys]
    if column is Call.last_event_at:
        ordered[0] = ordered[0].nulls_last() if descending else ordered[0].nulls_first()
    return statement.order_by(*ordered)

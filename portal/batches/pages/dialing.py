"""What the page of a batch says about its dialing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from flask_login import current_user

from portal.batches.settings import dialing_rules
from portal.dialing.dialers.query import list_dialers
from portal.dialing.panel import query
from portal.dialing.panel.presenter import (
    DialingPanel,
    TrunkLine,
    describe_rate,
    describe_time_left,
    find_next,
    lines_if_started,
    trunk_line,
    waiting_lines,
)
from portal.models import CallStatus, QueueStatus
from portal.suppressions import query as suppressions_query
from portal.suppressions.presenter import describe_listed, describe_outdated
from portal.web.clock import request_clock

NO_DIALER = "No dialer process of the portal is running, so no call is placed."


def dialing_panel(batch: Any, counts: Mapping[CallStatus, int]) -> DialingPanel | None:
    """Return the panel of a batch with open calls, given the number of its calls by status; None for another batch."""
    dialing, talking = counts[CallStatus.DIALING], counts[CallStatus.IN_PROGRESS]
    pending = counts[CallStatus.PENDING]
    if not (dialing or talking or pending):
        return None
    owner, now = current_user.key, request_clock().now
    is_active = batch.status == QueueStatus.ACTIVE
    numbers = batch.settings.get("callingNumbers", [])
    rows = query.find_trunks(owner, numbers) if numbers else ()
    has_dialer = not (rows and is_active) or bool(list_dialers(now))
    trunks = [trunk_line(row, now, is_dialed=is_active and has_dialer) for row in rows]
    problems = [trunk.problem for trunk in trunks if trunk.problem] + ([] if has_dialer else [NO_DIALER])
    rate = query.measure_rate(owner, batch.id, now) if is_active else 0.0
    return DialingPanel(
        is_active=is_active,
        dialing=dialing,
        talking=talking,
        pending=pending,
        rate=describe_rate(rate),
        time_left=describe_time_left(pending, rate),
        **waiting_calls(batch, pending, describe_due(batch, trunks, problems, dialing + talking)),
        note="" if is_active else describe_suppressed(batch),
        trunks=trunks,
        problems=problems + list_warnings(batch),
        counted=query.MAX_COUNTED,
    )


def waiting_calls(batch: Any, pending: int, due_text: str) -> dict[str, Any]:
    """Return what the pending calls of an active batch wait for, or what would happen to those of another one."""
    clock, rules = request_clock(), dialing_rules(batch.settings)
    if batch.status != QueueStatus.ACTIVE:
        return {"waiting": lines_if_started(query.count_zones(current_user.key, batch.id), rules, clock)}
    groups = query.fetch_waiting(current_user.key, batch.id, clock.now)
    return {
        "waiting": waiting_lines(groups, pending, due_text, rules, clock),
        "next_at": find_next(groups, pending),
    }


def describe_due(batch: Any, trunks: Sequence[TrunkLine], problems: Sequence[str], open_calls: int) -> str:
    """Return what calls that may be placed now wait for."""
    if current_user.stopped_at:
        return "the end of the emergency stop"
    if not trunks:
        return "another dialer"
    if problems:
        return "a dialer process" if NO_DIALER in problems else "the trunk"
    limit = batch.settings.get("maxConcurrent", 0)
    is_full = all(trunk.in_use >= trunk.lines for trunk in trunks) or (limit and open_calls >= limit)
    return "a free line" if is_full else "their turn"


def list_warnings(batch: Any) -> list[str]:
    """Return a warning if the batch uses do-not-call lists that are out of date."""
    if not batch.settings.get("enableDNC"):
        return []
    outdated = suppressions_query.find_outdated_lists(current_user.key, request_clock().now)
    return [describe_outdated(outdated)] if outdated else []


def describe_suppressed(batch: Any) -> str:
    """Say how many contacts of a batch are on do-not-call lists; "" = none."""
    counts = suppressions_query.count_listed_calls(current_user.key, batch.id, request_clock().now)
    return describe_listed(counts, every_list=bool(batch.settings.get("enableDNC")))

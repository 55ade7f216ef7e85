"""Present trunks and caller numbers on pages and in the API. No SQL, request or HTML; never a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from portal.contacts.phone_numbers import format_national
from portal.models import TrunkKind
from portal.models.labeled_enum import LabeledEnum
from portal.models.trunk import SILENT_MS
from portal.times import format_optional_iso
from portal.web.pagination import Page, pagination_json


def trunk_json(row: Any) -> dict[str, Any]:
    """Return a trunk from a row of `query.select_trunks`."""
    trunk = row.Trunk
    return {
        "_id": trunk.id,
        "name": trunk.name,
        "kind": trunk.kind,
        "lines": trunk.lines,
        "perSecond": trunk.per_second,
        "ringSeconds": trunk.ring_seconds,
        "held": trunk.held,
        "inUse": row.in_use,
        "heardAt": format_optional_iso(trunk.heard_at),
        "trouble": trunk.trouble,
    }


def trunks_json(page: Page[Any]) -> dict[str, Any]:
    """Return the `data` of a list of trunks."""
    return {"trunks": [trunk_json(row) for row in page.rows], "pagination": pagination_json(page)}


def caller_number_json(row: Any) -> dict[str, Any]:
    """Return a caller number from a row of `query.select_caller_numbers`; trunkId null = no trunk."""
    return {"_id": row.id, "phoneNumber": row.phone_number, "label": row.label, "trunkId": row.trunk_id}


def caller_numbers_json(page: Page[Any]) -> dict[str, Any]:
    """Return the `data` of a list of caller numbers."""
    return {"callerNumbers": [caller_number_json(row) for row in page.rows], "pagination": pagination_json(page)}


class TrunkState(LabeledEnum):
    """What a trunk does, with the icon and colour of a status and an explanation."""

    icon: str
    colour: str
    explanation: str

    READY = "ready", "Ready", "disc", "active", ""
    IN_USE = "in-use", "In use", "disc", "active", ""
    HELD = "held", "Held", "pause", "paused", "No call is placed over it until you release it."
    SILENT = "silent", "Silent", "triangle", "stopped", "No call is placed until its engine is heard again."
    TROUBLE = "trouble", "Trouble", "triangle", "stopped", ""


@dataclass(frozen=True)
class TrunkView:
    """A trunk as pages show it; `numbers` counts its caller numbers. `heard_at` in milliseconds."""

    id: str
    name: str
    kind: str
    kind_label: str
    address: str
    lines: int
    rate: str
    ring_seconds: int
    held: bool
    heard_at: int | None
    trouble: str
    numbers: int
    in_use: int
    state: TrunkState


def trunk_view(row: Any, now: int) -> TrunkView:
    """Return a trunk from a row of `query.select_trunks`."""
    trunk = row.Trunk
    return TrunkView(
        id=trunk.id,
        name=trunk.name,
        kind=trunk.kind,
        kind_label=TrunkKind.label_of(trunk.kind),
        address=trunk.address,
        lines=trunk.lines,
        rate=format_rate(trunk.per_second),
        ring_seconds=trunk.ring_seconds,
        held=trunk.held,
        heard_at=trunk.heard_at,
        trouble=trunk.trouble,
        numbers=row.numbers,
        in_use=row.in_use,
        state=trunk_state(row, now),
    )


def trunk_state(row: Any, now: int) -> TrunkState:
    """Return the state of a trunk from its row."""
    trunk = row.Trunk
    if trunk.held:
        return TrunkState.HELD
    if trunk.trouble:
        return TrunkState.TROUBLE
    is_heard = trunk.heard_at is not None and trunk.heard_at > now - SILENT_MS
    if row.in_use:
        return TrunkState.IN_USE if is_heard else TrunkState.SILENT
    return TrunkState.READY


def format_rate(per_second: float) -> str:
    """Return calls per second without useless decimals: 1, 0.5."""
    return f"{per_second:g}"


def trunk_form_values(trunk: Any) -> dict[str, Any]:
    """Return the values of a trunk by the names of its form, without the secret."""
    return {
        "name": trunk.name,
        "kind": trunk.kind,
        "lines": trunk.lines,
        "perSecond": format_rate(trunk.per_second),
        "ringSeconds": trunk.ring_seconds,
        "address": trunk.address,
        **{name: format_rate(value) for name, value in trunk.settings.items()},
    }


@dataclass(frozen=True)
class CallerNumberView:
    """A number from which batches call. A number that is not a caller number of the account has an empty id."""

    id: str
    number: str  # E.164
    text: str  # as readers write it
    label: str
    trunk_id: str
    trunk: str
    is_simulated: bool

    @property
    def name(self) -> str:
        """Return the label with the number, or the number alone."""
        return f"{self.label}, {self.text}" if self.label else self.text

    @property
    def dialer(self) -> str:
        """Return who calls from the number."""
        return self.trunk or "another dialer"


def caller_number_view(row: Any, region: str) -> CallerNumberView:
    """Return a caller number from a row of `query.select_caller_numbers`, for readers in a region."""
    return CallerNumberView(
        id=row.id,
        number=row.phone_number,
        text=format_national(row.phone_number, region),
        label=row.label,
        trunk_id=row.trunk_id or "",
        trunk=row.trunk_name or "",
        is_simulated=row.trunk_kind == TrunkKind.SIMULATOR,
    )


def calling_number_views(numbers: list[str], rows: list[Any], region: str) -> list[CallerNumberView]:
    """Return the numbers of a batch in their order; `rows` are those that are caller numbers."""
    known = {row.phone_number: row for row in rows}
    return [
        caller_number_view(known[number], region)
        if number in known
        else CallerNumberView("", number, format_national(number, region), "", "", "", is_simulated=False)
        for number in numbers
    ]

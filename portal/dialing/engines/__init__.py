"""Telephony engines: place calls, hear what becomes of them, and look them up later.

This package knows neither Flask nor the portal's database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.dialing.engines.callbacks import (
    SIGNATURE_HEADER,
    ForgedCallback,
    InvalidCallback,
    parse_callback,
    sign_callback,
)
from portal.dialing.engines.interface import (
    CallUnknownHere,
    Engine,
    EngineEvent,
    EngineRecord,
    EngineUnreachable,
    EventKind,
    NotPlaced,
    Placement,
    Unsure,
)
from portal.dialing.engines.outcomes import Outcome, outcome_of

__all__ = [
    "SIGNATURE_HEADER",
    "CallUnknownHere",
    "Engine",
    "EngineEvent",
    "EngineRecord",
    "EngineUnreachable",
    "EventKind",
    "ForgedCallback",
    "InvalidCallback",
    "NotPlaced",
    "Outcome",
    "Placement",
    "Unsure",
    "create_engine",
    "outcome_of",
    "parse_callback",
    "sign_callback",
]


def create_engine(kind: str, address: str, secret: str, settings: Mapping[str, Any]) -> Engine:
    """Return the engine of a trunk. Raises ValueError for another kind.

    | kind | address | secret | settings |
    |---|---|---|---|
    | simulator | path of the SQLite file of its records, one per trunk | - | answer, speed, seed |
    | asterisk | URL of ARI, with parameters: see AsteriskEngine | user:password | - |
    | http | URL of the API, with parameters: see HttpProviderEngine | account:password | callbackUrl |
    """
    # Each kind imports its own libraries, of which most processes need none.
    match kind:
        case "simulator":
            from portal.dialing.engines.simulator import SimulatorEngine

            return SimulatorEngine(address, settings)
        case "asterisk":
            from portal.dialing.engines.asterisk import AsteriskEngine

            return AsteriskEngine(address, secret)
        case "http":
            from portal.dialing.engines.http_provider import HttpProviderEngine

            return HttpProviderEngine(address, secret, settings.get("callbackUrl", ""))
    raise ValueError(f"unknown kind of engine: {kind}")

"""Telephony engines: place calls, hear what becomes of them, and look them up later.

This package knows neither Flask nor the portal's database.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from portal.dialing.engines.interface import (
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
from portal.dialing.engines.simulator import SimulatorEngine

__all__ = [
    "Engine",
    "EngineEvent",
    "EngineRecord",
    "EngineUnreachable",
    "EventKind",
    "NotPlaced",
    "Outcome",
    "Placement",
    "SimulatorEngine",
    "Unsure",
    "create_engine",
    "outcome_of",
]


def create_engine(kind: str, address: str, secret: str, settings: Mapping[str, Any]) -> Engine:
    """Return the engine of a trunk.

    | kind | address | secret | settings |
    |---|---|---|---|
    | simulator | path of the SQLite file of its records, one per trunk | - | answer, speed, seed |

    Raises ValueError for another kind.
    """
    if kind == "simulator":
        return SimulatorEngine(address, settings)
    raise ValueError(f"unknown kind of engine: {kind}")

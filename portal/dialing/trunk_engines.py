"""The engine of a trunk: its address, its secret, and what this installation adds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import current_app

from portal.dialing.engines import Engine, EngineUnreachable, create_engine
from portal.models import Trunk, TrunkKind
from portal.trunks.actions import read_secret

SIMULATORS = "simulators"  # the folder of their records, in the instance folder


def open_engine(trunk: Trunk) -> Engine:
    """Return a new engine for a trunk. Raises EngineUnreachable if its secret cannot be decrypted."""
    if trunk.kind == TrunkKind.SIMULATOR:
        folder = Path(current_app.instance_path) / SIMULATORS
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return create_engine(trunk.kind, str(folder / f"{trunk.id}.sqlite3"), "", trunk.settings)
    secret = read_secret(trunk)
    if secret is None:
        raise EngineUnreachable("the secret was encrypted with another SECRET_KEY; enter it again")
    return create_engine(trunk.kind, trunk.address, secret, {"callbackUrl": callback_url(trunk.id)})


def engine_identity(trunk: Trunk) -> tuple[Any, ...]:
    """Return what decides about the engine of a trunk: with another value, it needs a new one."""
    return trunk.kind, trunk.address, trunk.secret, trunk.settings


def callback_url(trunk_id: str) -> str:
    """Return the public address to which a provider sends callbacks; "" without PUBLIC_URL."""
    origin = current_app.config["PUBLIC_URL"]
    return f"{origin}/api/call/webhooks/{trunk_id}" if origin else ""

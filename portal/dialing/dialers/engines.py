"""Open the engine of a trunk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from flask import current_app

from portal.dialing.engines import Engine, create_engine
from portal.instance_folder import create_folder
from portal.models import TrunkKind
from portal.trunks.actions import read_secret


class EngineUnusable(Exception):
    """The engine cannot be used with what the trunk stores; the message says what to change."""


def open_engine(trunk: Any) -> Engine:
    """Return the engine of a trunk, given by its row. Raises EngineUnusable.

    A simulator keeps its records in a file of this machine.
    """
    if not TrunkKind(trunk.kind).is_remote:
        folder = Path(current_app.instance_path)
        create_folder(folder)
        return create_engine(trunk.kind, str(folder / f"simulator-{trunk.id}.db"), "", trunk.settings)
    secret = read_secret(trunk)
    if secret is None:
        raise EngineUnusable("The secret cannot be decrypted with SECRET_KEY; enter it again")
    return create_engine(trunk.kind, trunk.address, secret, trunk.settings)


def engine_identity(trunk: Any) -> tuple[Any, ...]:
    """Return what decides about the engine of a trunk: another value needs another engine."""
    return trunk.kind, trunk.address, trunk.secret, trunk.settings

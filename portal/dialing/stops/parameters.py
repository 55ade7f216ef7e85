"""Parameters of emergency stops."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from portal.models.emergency_stop import REASON_LENGTH
from portal.web.field_types import name_type
from portal.web.parameters import Parameters


class StopReason(Parameters):
    """Why calls are stopped or resumed. It may be empty: a stop must not wait for a text."""

    reason: Annotated[
        name_type(REASON_LENGTH, description="Shown to everyone who is stopped, and stored in the audit log."),
        Field(examples=["Wrong contact list"]),
    ] = ""

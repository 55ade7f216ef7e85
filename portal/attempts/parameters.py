"""The parameters of a batch's attempts."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from portal.web.field_types import HexId
from portal.web.parameters import PageNumber, PageSize, Parameters

CallId = Annotated[HexId | None, Field(alias="callId", description="Only the attempts of this call.")]


class AttemptExportParameters(Parameters):
    """All attempts of a batch, or of one call."""

    call_id: CallId = None


class AttemptListParameters(Parameters):
    """One page of the attempts of a batch, or of one call."""

    page: PageNumber = 1
    limit: PageSize = 10
    call_id: CallId = None

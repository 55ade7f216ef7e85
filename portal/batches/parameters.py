"""What a reader of batches may ask for: contract, section 1, the same names in the API and in a page's address."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field

from portal.models import QueueStatus
from portal.web.field_types import DateBound
from portal.web.pagination import SortOrder
from portal.web.parameters import PageNumber, PageSize, Parameters, parse_choices, text_type


class SortBy(StrEnum):
    """What the list can be sorted by."""

    CREATED_AT = "createdAt"
    UPDATED_AT = "updatedAt"
    BATCH_NAME = "batchName"
    TOTAL_CALLS = "totalCalls"


class BatchListParameters(Parameters):
    """One view of a user's batches."""

    page: PageNumber = 1
    limit: PageSize = 10
    search: text_type(
        200, description="Part of the batch's name or of its status, whatever the case; every character is literal."
    ) = ""
    status: Annotated[
        tuple[QueueStatus, ...],
        BeforeValidator(parse_choices(QueueStatus)),
        Field(description="Only these statuses; repeated, or separated by commas."),
    ] = ()
    created_from: Annotated[
        DateBound | None,
        Field(alias="createdFrom", description="Created at this moment or later; a date is that whole day."),
    ] = None
    created_to: Annotated[
        DateBound | None,
        Field(alias="createdTo", description="Created at this moment or before; a date is that whole day."),
    ] = None
    sort_by: Annotated[SortBy, Field(alias="sortBy", description="What to sort by; equals are sorted by _id.")] = (
        SortBy.CREATED_AT
    )
    sort_order: Annotated[SortOrder, Field(alias="sortOrder", description="Which way to sort.")] = SortOrder.DESC

    @property
    def narrows(self) -> bool:
        """Whether anything leaves batches out."""
        return bool(self.search or self.status or self.created_from or self.created_to)


class ActivityParameters(Parameters):
    """One page of what was done to a batch."""

    page: PageNumber = 1
    limit: PageSize = 25

"""What a reader of batches may ask for: contract, section 1, the same names in the API and in a page's address."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from portal.models import QueueStatus
from portal.parameters import Moment, PageNumber, PageSize, Parameters, as_moment, each_once, text
from portal.sorting import SortOrder
from portal.times import ISO_DATE, ISO_DATE_TIME


class SortBy(StrEnum):
    """What the list can be sorted by."""

    CREATED_AT = "createdAt"
    UPDATED_AT = "updatedAt"
    BATCH_NAME = "batchName"
    TOTAL_CALLS = "totalCalls"


# The forms that are taken, exactly: more than the formats date and date-time, which want seconds and an offset.
DATE_SCHEMA = {
    "type": "string",
    "pattern": f"^({ISO_DATE.pattern}|{ISO_DATE_TIME.pattern})$",
    "examples": ["2025-05-01", "2025-05-01T12:00:00Z"],
}

When = Annotated[Moment, BeforeValidator(as_moment), WithJsonSchema(DATE_SCHEMA)]


class BatchListParameters(Parameters):
    """One view of a user's batches."""

    page: PageNumber = 1
    limit: PageSize = 10
    search: text(
        200, says="Part of the batch's name or of its status, whatever the case; every character is literal."
    ) = ""
    status: Annotated[
        tuple[QueueStatus, ...],
        BeforeValidator(each_once(QueueStatus)),
        Field(description="Only these statuses; repeated, or separated by commas."),
    ] = ()
    created_from: Annotated[
        When | None,
        Field(alias="createdFrom", description="Created at this moment or later; a date is that whole day."),
    ] = None
    created_to: Annotated[
        When | None, Field(alias="createdTo", description="Created at this moment or before; a date is that whole day.")
    ] = None
    sort_by: Annotated[SortBy, Field(alias="sortBy", description="What to sort by; equals are sorted by _id.")] = (
        SortBy.CREATED_AT
    )
    sort_order: Annotated[SortOrder, Field(alias="sortOrder", description="Which way to sort.")] = SortOrder.DESC

    @property
    def narrows(self) -> bool:
        """Whether anything leaves batches out."""
        return bool(self.search or self.status or self.created_from or self.created_to)

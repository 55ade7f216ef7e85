"""The parameters of lists of batches: contract, section 1. The API and the pages use the same names."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from portal.batches.query.list_query import MAX_MS, MIN_MS, ListQuery, NameSearch, SortBy
from portal.live import Deleted
from portal.models import QueueStatus
from portal.models.batch import fold_name
from portal.models.list_state import ListState
from portal.web.field_types import DateBound
from portal.web.pagination import SortOrder
from portal.web.parameters import PageNumber, PageSize, Parameters, parse_choices, text_type


class BatchListParameters(Parameters):
    """The parameters of a list of batches."""

    page: PageNumber = 1
    limit: PageSize = 10
    search: Annotated[
        text_type(200, description="Part of the batch's name or status, ignoring case. No wildcards."),
        Field(examples=["Marketing"]),
    ] = ""
    status: Annotated[
        tuple[QueueStatus, ...],
        BeforeValidator(parse_choices(QueueStatus)),
        Field(
            description="Only these statuses. Repeat the parameter or separate values with commas.",
            examples=[["active", "paused"]],
        ),
    ] = ()
    created_from: Annotated[
        DateBound | None,
        Field(alias="createdFrom", description="Created at or after this time. A date means the start of the day."),
    ] = None
    created_to: Annotated[
        DateBound | None,
        Field(alias="createdTo", description="Created at or before this time. A date means the end of the day."),
    ] = None
    sort_by: Annotated[SortBy, Field(alias="sortBy", description="Sort column. Ties are sorted by _id.")] = (
        SortBy.CREATED_AT
    )
    sort_order: Annotated[SortOrder, Field(alias="sortOrder", description="Sort direction.")] = SortOrder.DESC
    deleted: Annotated[
        Deleted,
        Field(description="Whether to exclude deleted batches, list only them, or include them. They have deletedAt."),
    ] = Deleted.EXCLUDE

    def to_list_query(self, state: ListState) -> ListQuery:
        """Return the query of these parameters for one owner's list."""
        folded = fold_name(self.search)
        return ListQuery(
            state,
            search=NameSearch(state.version, state.owner_key, folded) if folded else None,
            named_statuses=tuple(status for status in QueueStatus if folded and folded in status),
            statuses=self.status,
            first=self.created_from.first_ms if self.created_from else MIN_MS,
            end=self.created_to.last_ms + 1 if self.created_to else MAX_MS,
            sort_by=self.sort_by,
            ascending=self.sort_order is SortOrder.ASC,
            page=self.page,
            limit=self.limit,
            deleted=self.deleted,
        )


class ActivityParameters(Parameters):
    """The parameters of a batch's activity page."""

    page: PageNumber = 1
    limit: PageSize = 25


class TrashParameters(Parameters):
    """The parameters of the trash page."""

    page: PageNumber = 1
    limit: PageSize = 25

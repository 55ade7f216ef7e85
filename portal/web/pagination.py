"""A page of anything: its rows, how many there are in all, and the ways to the other pages."""

from __future__ import annotations

from collections.abc import Container, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

Item = TypeVar("Item")

# The page sizes that a list offers.
PAGE_SIZES = (10, 25, 50, 100)


def page_count(total: int, limit: int) -> int:
    """ceil(total / limit); 0 when there is nothing."""
    return -(-total // limit)


@dataclass(frozen=True)
class Page(Generic[Item]):
    """One page of a list; past the end it has no rows and the true total."""

    rows: Sequence[Item]
    total: int
    number: int
    limit: int

    @property
    def total_pages(self) -> int:
        """How many pages there are; 0 when there is nothing."""
        return page_count(self.total, self.limit)

    @property
    def past_end(self) -> bool:
        """Whether a later page was asked for than there is; the first page of nothing is not."""
        return self.number > max(self.total_pages, 1)

    @property
    def first_row(self) -> int:
        """The number of the page's first row in the whole list, from 1; 0 when the page is empty."""
        return (self.number - 1) * self.limit + 1 if self.rows else 0

    @property
    def last_row(self) -> int:
        """The number of the page's last row in the whole list."""
        return self.first_row + len(self.rows) - 1 if self.rows else 0

    def neighbours(self) -> dict[str, int]:
        """Page numbers by their link relation (RFC 8288): first and last always, prev and next where there is one."""
        last = max(self.total_pages, 1)
        pages = {"first": 1}
        if self.number > 1:
            pages["prev"] = min(self.number - 1, last)
        if self.number < last:
            pages["next"] = self.number + 1
        return pages | {"last": last}


class SortOrder(StrEnum):
    """Which way a list is sorted."""

    ASC = "asc"
    DESC = "desc"


class SortedView:
    """What a page shows as a table whose headers sort it; `asked` are parameters with page, sort_by and sort_order."""

    asked: Any
    ASCENDING_FIRST: ClassVar[Container[StrEnum]]  # the columns that are sorted from A first; all else from the top

    def view(self, **changes: Any) -> str:
        """The address of this view with something changed, from its first page."""
        return self.asked.query(page=1, **changes)

    def sorted_by(self, sort_by: str) -> str | None:
        """Which way the table is sorted by that, for aria-sort; None when it is not."""
        if self.asked.sort_by != sort_by:
            return None
        return "ascending" if self.asked.sort_order is SortOrder.ASC else "descending"

    def sort_query(self, sort_by: str) -> str:
        """Where a column's header leads: sorted by it; once more, turned round."""
        column = type(self.asked.sort_by)(sort_by)
        first = SortOrder.ASC if column in self.ASCENDING_FIRST else SortOrder.DESC
        turned = SortOrder.ASC if self.asked.sort_order is SortOrder.DESC else SortOrder.DESC
        return self.view(sort_by=column, sort_order=turned if self.asked.sort_by is column else first)

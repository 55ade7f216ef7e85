"""Which way a table is sorted, and where its headers lead."""

from __future__ import annotations

from collections.abc import Container
from enum import StrEnum
from typing import Any, ClassVar


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

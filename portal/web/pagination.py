"""Pages of any list: rows, totals, links to other pages, and sortable columns."""

from __future__ import annotations

from collections.abc import Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar, Generic, TypeVar

from flask import abort, redirect, request, url_for

from portal.web.parameters import ParsedParameters

Item = TypeVar("Item")

# The page sizes that a list offers.
PAGE_SIZES = (10, 25, 50, 100)


def page_count(total: int, limit: int) -> int:
    """Return ceil(total / limit)."""
    return -(-total // limit)


@dataclass(frozen=True)
class Page(Generic[Item]):
    """A page of a list. Past the end of the list it has no rows and the correct total."""

    rows: Sequence[Item]
    total: int
    number: int
    limit: int

    @property
    def total_pages(self) -> int:
        """Return the number of pages; 0 for an empty list."""
        return page_count(self.total, self.limit)

    @property
    def is_past_end(self) -> bool:
        """Return whether the page comes after the last one; the first page of an empty list does not."""
        return self.number > max(self.total_pages, 1)

    @property
    def first_row(self) -> int:
        """Return the position of the page's first row in the list, from 1; 0 for an empty page."""
        return (self.number - 1) * self.limit + 1 if self.rows else 0

    @property
    def last_row(self) -> int:
        """Return the position of the page's last row in the list; 0 for an empty page."""
        return self.first_row + len(self.rows) - 1 if self.rows else 0

    def neighbours(self) -> dict[str, int]:
        """Return page numbers by link relation (RFC 8288): first and last always, prev and next if they exist."""
        last = max(self.total_pages, 1)
        pages = {"first": 1}
        if self.number > 1:
            pages["prev"] = min(self.number - 1, last)
        if self.number < last:
            pages["next"] = self.number + 1
        return pages | {"last": last}


@dataclass(frozen=True)
class CountedPage(Page[Item]):
    """A page with the number of matches of each filter that the list page offers."""

    counts: Mapping[Any, int]


def pagination_json(page: Page[Any]) -> dict[str, int]:
    """Return the API's description of a page."""
    return {"total": page.total, "page": page.number, "limit": page.limit, "totalPages": page.total_pages}


def link_header(parameters: Any, page: Page[Any]) -> str:
    """Return the Link header (RFC 8288). Its links are relative, so that they are correct behind any proxy."""
    rest = parameters.query(("page", "limit")).removeprefix(f"?page={parameters.page}")
    targets = page.neighbours().items()
    return ", ".join([f'<{request.path}?page={number}{rest}>; rel="{rel}"' for rel, number in targets])


def fetch_existing_page(parsed: ParsedParameters[Any], fetch: Callable[[Any], Page[Any]]) -> tuple[Any, Page[Any]]:
    """Return the parameters and the page that `fetch` returns for them; for a page past the end, redirect to the last.

    If the parameters have problems, return the last page instead: a redirect would lose the messages.
    """
    page = fetch(parsed.values)
    if not page.is_past_end:
        return parsed.values, page
    last = parsed.values.model_copy(update={"page": max(page.total_pages, 1)})
    if parsed.problems:
        return last, fetch(last)
    return abort(redirect(url_for(request.endpoint, **request.view_args) + last.query()))


class SortOrder(StrEnum):
    """The direction in which a list is sorted."""

    ASC = "asc"
    DESC = "desc"


class SortedView:
    """A table with sortable columns; `parameters` are parameters with page, sort_by and sort_order."""

    parameters: Any
    ASCENDING_FIRST: ClassVar[Container[StrEnum]]  # columns sorted ascending at first; all others descending

    def view(self, **changes: Any) -> str:
        """Return the query string of this view with changes, from its first page."""
        return self.parameters.query(page=1, **changes)

    def sorted_by(self, sort_by: str) -> str | None:
        """Return the aria-sort value of a column; None if the table is not sorted by it."""
        if self.parameters.sort_by != sort_by:
            return None
        return "ascending" if self.parameters.sort_order is SortOrder.ASC else "descending"

    def sort_query(self, sort_by: str) -> str:
        """Return the query string of a column's header: sort by the column, or reverse its order."""
        column = type(self.parameters.sort_by)(sort_by)
        first = SortOrder.ASC if column in self.ASCENDING_FIRST else SortOrder.DESC
        reverse = SortOrder.ASC if self.parameters.sort_order is SortOrder.DESC else SortOrder.DESC
        return self.view(sort_by=column, sort_order=reverse if self.parameters.sort_by is column else first)

"""What is asked for: the same views of a user's list for every contender."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from tests.benchmarks import load, names
from tests.benchmarks.data import DAY_MS, Shape

LIMIT = 10


@dataclass(frozen=True)
class User:
    """A user who is measured: `size` live batches, `places` different places in their names."""

    key: int
    size: int
    places: int
    end_ms: int

    @property
    def id(self) -> str:
        """The id that the API shows."""
        return load.public_user_id(self.key)

    @property
    def pages(self) -> int:
        """The pages of the whole list."""
        return -(-self.size // LIMIT)


def measured_users(shape: Shape, end_ms: int) -> list[User]:
    """The users who are measured, the smallest first."""
    return [User(key, size, shape.places(size), end_ms) for key, size in enumerate(shape.measured, 1)]


@dataclass(frozen=True)
class View:
    """One view of a list; `since_ms` is the earliest time of creation, empty texts ask for nothing."""

    page: int = 1
    search: str = ""
    status: str = ""
    since_ms: int | None = None
    sort_by: str = ""
    sort_order: str = ""

    def pairs(self) -> dict[str, str]:
        """The parameters of the portal's own address."""
        since = datetime.fromtimestamp(self.since_ms / 1000, UTC) if self.since_ms is not None else None
        found = {
            "page": str(self.page) if self.page > 1 else "",
            "search": self.search,
            "status": self.status,
            "createdFrom": f"{since:%Y-%m-%dT%H:%M:%S}.{since.microsecond // 1000:03}Z" if since else "",
            "sortBy": self.sort_by,
            "sortOrder": self.sort_order,
        }
        return {name: value for name, value in found.items() if value}


@dataclass(frozen=True)
class Kind:
    """A kind of request: the view at each turn. `fresh` ones were never asked for before, so no cache can answer.

    A view comes back after `cycle` turns; before that happens a batch of the user is touched. 0 = the same every time.
    """

    name: str
    view: Callable[[User, int], View]
    fresh: bool = False
    cycle: Callable[[User], int] = lambda _user: 1
    before: View | None = None  # asked for first, untimed

    def at(self, user: User, turn: int) -> View:
        """What is asked at that turn, counted from 0."""
        return self.view(user, turn)

    def needs_touch(self, user: User, turn: int) -> bool:
        """Whether the view was asked for before."""
        return self.fresh and turn % self.cycle(user) == 0


def since(user: User, turn: int) -> View:
    """The last thirty days of the data, a millisecond more with each turn."""
    return View(since_ms=user.end_ms - 30 * DAY_MS - turn % 1000)


PAGE_1 = Kind("page 1", lambda _user, _turn: View())
MIDDLE = Kind("middle page", lambda user, _turn: View(page=user.pages // 2))
LAST = Kind("last page", lambda user, _turn: View(page=user.pages))
MANY = Kind("many hits, first time", lambda _user, _turn: View(search=names.MANY), fresh=True)
MANY_AGAIN = Kind(
    "many hits, page 2 after page 1", lambda _user, _turn: View(2, names.MANY), before=View(search=names.MANY)
)
FEW = Kind(
    "few hits",
    lambda user, turn: View(search=names.place(turn % user.places).lower()),
    fresh=True,
    cycle=lambda user: user.places,
)
NONE = Kind(
    "no hits", lambda _user, turn: View(search=names.unknown_place(turn % 1000)), fresh=True, cycle=lambda _user: 1000
)
ONE_LETTER = Kind("one letter, first time", lambda _user, _turn: View(search=names.ONE_LETTER), fresh=True)
TWO_LETTERS = Kind("two letters, first time", lambda _user, _turn: View(search=names.TWO_LETTERS), fresh=True)
STATUS = Kind("one status", lambda _user, _turn: View(status="stopped"))
RANGE = Kind("last 30 days", since, fresh=True, cycle=lambda _user: 1000)

SORTS = [
    Kind(f"by {sort_by}, {order}", lambda _user, _turn, view=View(sort_by=sort_by, sort_order=order): view)
    for sort_by in ("createdAt", "updatedAt", "batchName", "totalCalls")
    for order in ("desc", "asc")
    if (sort_by, order) != ("createdAt", "desc")
]

GROWING = [PAGE_1, MIDDLE, LAST, FEW, NONE, STATUS, RANGE]
SEARCHES = [MANY, MANY_AGAIN, ONE_LETTER, TWO_LETTERS]
KINDS = {kind.name: kind for kind in (*GROWING, *SORTS, *SEARCHES)}


def without_page(view: View) -> View:
    """The same view from its first page."""
    return replace(view, page=1)

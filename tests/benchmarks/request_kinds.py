"""The measured requests: the same views of a user's list for every system."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from tests.benchmarks import bulk_load, campaign_names
from tests.benchmarks.batch_data import DAY_MS, Shape

LIMIT = 10


@dataclass(frozen=True)
class BenchmarkUser:
    """A measured user with `size` live batches and `places` different place names in them."""

    key: int
    size: int
    places: int
    end_ms: int

    @property
    def id(self) -> str:
        """The public id."""
        return bulk_load.public_user_id(self.key)

    @property
    def pages(self) -> int:
        """The number of pages of the whole list."""
        return -(-self.size // LIMIT)


def measured_users(shape: Shape, end_ms: int) -> list[BenchmarkUser]:
    """Return the measured users, the smallest first."""
    return [BenchmarkUser(key, size, shape.places(size), end_ms) for key, size in enumerate(shape.measured, 1)]


@dataclass(frozen=True)
class ListView:
    """A view of a list; `since_ms` is the earliest creation time, and an empty text is no filter."""

    page: int = 1
    search: str = ""
    status: str = ""
    since_ms: int | None = None
    sort_by: str = ""
    sort_order: str = ""

    def pairs(self) -> dict[str, str]:
        """Return the query parameters of the portal's own page."""
        since = datetime.fromtimestamp(self.since_ms / 1000, UTC) if self.since_ms is not None else None
        pairs = {
            "page": str(self.page) if self.page > 1 else "",
            "search": self.search,
            "status": self.status,
            "createdFrom": f"{since:%Y-%m-%dT%H:%M:%S}.{since.microsecond // 1000:03}Z" if since else "",
            "sortBy": self.sort_by,
            "sortOrder": self.sort_order,
        }
        return {name: value for name, value in pairs.items() if value}


@dataclass(frozen=True)
class RequestKind:
    """A kind of request: the view of each turn. `fresh` = no cache can answer it.

    The view repeats after `cycle` turns; then the benchmark touches a batch of the user first.
    """

    name: str
    view: Callable[[BenchmarkUser, int], ListView]
    fresh: bool = False
    cycle: Callable[[BenchmarkUser], int] = lambda _user: 1
    before: ListView | None = None  # requested first, untimed

    def at(self, user: BenchmarkUser, turn: int) -> ListView:
        """Return the view of a turn, counted from 0."""
        return self.view(user, turn)

    def needs_touch(self, user: BenchmarkUser, turn: int) -> bool:
        """Return whether a cache could know the view."""
        return self.fresh and turn % self.cycle(user) == 0


def since(user: BenchmarkUser, turn: int) -> ListView:
    """Return the batches of the last thirty days; every turn moves the start by a millisecond."""
    return ListView(since_ms=user.end_ms - 30 * DAY_MS - turn % 1000)


PAGE_1 = RequestKind("page 1", lambda _user, _turn: ListView())
MIDDLE = RequestKind("middle page", lambda user, _turn: ListView(page=user.pages // 2))
LAST = RequestKind("last page", lambda user, _turn: ListView(page=user.pages))
MANY = RequestKind("many hits, first time", lambda _user, _turn: ListView(search=campaign_names.MANY), fresh=True)
MANY_AGAIN = RequestKind(
    "many hits, page 2 after page 1",
    lambda _user, _turn: ListView(2, campaign_names.MANY),
    before=ListView(search=campaign_names.MANY),
)
FEW = RequestKind(
    "few hits",
    lambda user, turn: ListView(search=campaign_names.place(turn % user.places).lower()),
    fresh=True,
    cycle=lambda user: user.places,
)
NONE = RequestKind(
    "no hits",
    lambda _user, turn: ListView(search=campaign_names.unknown_place(turn % 1000)),
    fresh=True,
    cycle=lambda _user: 1000,
)
ONE_LETTER = RequestKind(
    "one letter, first time", lambda _user, _turn: ListView(search=campaign_names.ONE_LETTER), fresh=True
)
TWO_LETTERS = RequestKind(
    "two letters, first time", lambda _user, _turn: ListView(search=campaign_names.TWO_LETTERS), fresh=True
)
STATUS = RequestKind("one status", lambda _user, _turn: ListView(status="stopped"))
RANGE = RequestKind("last 30 days", since, fresh=True, cycle=lambda _user: 1000)

SORTS = [
    RequestKind(f"by {sort_by}, {order}", lambda _user, _turn, view=ListView(sort_by=sort_by, sort_order=order): view)
    for sort_by in ("createdAt", "updatedAt", "batchName", "totalCalls")
    for order in ("desc", "asc")
    if (sort_by, order) != ("createdAt", "desc")
]

GROWING = [PAGE_1, MIDDLE, LAST, FEW, NONE, STATUS, RANGE]
SEARCHES = [MANY, MANY_AGAIN, ONE_LETTER, TWO_LETTERS]
KINDS = {kind.name: kind for kind in (*GROWING, *SORTS, *SEARCHES)}

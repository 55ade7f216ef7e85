"""Present accounts to admins. No SQL, no request, no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from portal.admin.parameters import Role, UserFilter, UserListParameters
from portal.web.listing import Chip
from portal.web.pagination import Page


@dataclass(frozen=True)
class UserView:
    """An account as the list and its own page show it; times in milliseconds, `batches` = number of live ones."""

    id: str
    email: str
    name: str
    zone: str
    region: str
    role: Role
    created_at: int
    disabled_at: int | None
    temporary_until: int | None
    has_second_factor: bool
    last_sign_in_at: int | None
    batches: int
    links: int
    tokens: int

    @property
    def is_admin(self) -> bool:
        """Return whether the user is an admin."""
        return self.role is Role.ADMIN

    @property
    def is_active(self) -> bool:
        """Return whether the user can sign in."""
        return self.disabled_at is None


def user_view(row: Any) -> UserView:
    """Return an account from a row of `query.select_users`."""
    return UserView(
        id=row.id,
        email=row.email,
        name=row.name,
        zone=row.zone,
        region=row.region,
        role=Role.ADMIN if row.is_admin else Role.USER,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        temporary_until=row.temporary_until,
        has_second_factor=bool(row.has_second_factor),
        last_sign_in_at=row.last_sign_in_at,
        batches=row.batches,
        links=row.links,
        tokens=row.tokens,
    )


def user_filter_chips(parameters: UserListParameters, counts: Mapping[UserFilter, int]) -> list[Chip]:
    """Return a chip for each filter."""
    return [
        Chip(show, show.label, counts[show], parameters.query(page=1, show=show), parameters.show is show)
        for show in UserFilter
    ]


def announce_users(page: Page[Any]) -> str:
    """Return the announcement for screen readers after the list has changed."""
    return "No users" if not page.total else f"{page.total:,} user{'' if page.total == 1 else 's'}"

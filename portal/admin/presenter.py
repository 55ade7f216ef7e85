"""How an account is shown to admins. No SQL, no request, no HTML."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from portal.admin.parameters import Role, UserFilter, UserListParameters
from portal.web.pagination import Page


class UserRow(Protocol):
    """What is read of an account; `batches` is how many live ones it has, times are milliseconds since 1970 UTC."""

    id: str
    email: str
    name: str
    zone: str
    region: str
    is_admin: bool
    created_at: int
    disabled_at: int | None
    has_second_factor: bool
    last_sign_in_at: int | None
    batches: int


@dataclass(frozen=True)
class UserView:
    """An account as the list and its own page show it."""

    id: str
    email: str
    name: str
    zone: str
    region: str
    role: Role
    created_at: int
    disabled_at: int | None
    has_second_factor: bool
    last_sign_in_at: int | None
    batches: int

    @property
    def is_admin(self) -> bool:
        """Whether the role is an admin's."""
        return self.role is Role.ADMIN

    @property
    def is_active(self) -> bool:
        """Whether it may be signed in to."""
        return self.disabled_at is None


def user_view(row: UserRow) -> UserView:
    """An account as a page shows it."""
    return UserView(
        id=row.id,
        email=row.email,
        name=row.name,
        zone=row.zone,
        region=row.region,
        role=Role.ADMIN if row.is_admin else Role.USER,
        created_at=row.created_at,
        disabled_at=row.disabled_at,
        has_second_factor=bool(row.has_second_factor),
        last_sign_in_at=row.last_sign_in_at,
        batches=row.batches,
    )


@dataclass(frozen=True)
class UserFilterChip:
    """One kind of account above the list: its words, how many, where it leads, and whether it is the one shown."""

    id: str
    word: str
    count: int
    query: str
    chosen: bool


def user_filter_chips(asked: UserListParameters, counts: Mapping[UserFilter, int]) -> list[UserFilterChip]:
    """Every kind of account, with how many match the search."""
    return [
        UserFilterChip(kind, kind.capitalize(), counts[kind], asked.query(page=1, show=kind), asked.show is kind)
        for kind in UserFilter
    ]


def announce_users(page: Page[Any]) -> str:
    """What a screen reader is told after the list has changed."""
    return "No users" if not page.total else f"{page.total:,} user{'' if page.total == 1 else 's'}"

"""Read accounts for admins. Of other users' batches, only counts are read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, func, or_, select

from portal.admin.parameters import UserFilter, UserListParameters
from portal.extensions import db
from portal.models import AccountEvent, AccountLogEntry, BatchList, LinkedIdentity, QueueStatus, Token, User
from portal.text import fold
from portal.web.pagination import CountedPage


def select_users() -> Select[Any]:
    """Return the select of the columns that lists and pages of users show."""
    last_sign_in = (
        select(AccountLogEntry.at)
        .where(AccountLogEntry.subject_key == User.key, AccountLogEntry.what == AccountEvent.SIGNED_IN)
        .order_by(AccountLogEntry.key.desc())
        .limit(1)
        .correlate(User)
        .scalar_subquery()
    )
    links = select(func.count(LinkedIdentity.key)).where(LinkedIdentity.user_key == User.key)
    tokens = select(func.count(Token.key)).where(Token.user_key == User.key, Token.revoked_at.is_(None))
    batches = sum(getattr(BatchList, status) for status in QueueStatus)
    return select(
        User.key,
        User.id,
        User.email,
        User.name,
        User.zone,
        User.region,
        User.is_admin,
        User.created_at,
        User.disabled_at,
        User.temporary_until,
        User.totp_secret.is_not(None).label("has_second_factor"),
        last_sign_in.label("last_sign_in_at"),
        func.coalesce(batches, 0).label("batches"),
        links.correlate(User).scalar_subquery().label("links"),
        tokens.correlate(User).scalar_subquery().label("tokens"),
    ).outerjoin(BatchList, BatchList.owner_key == User.key)


def fetch_page(parameters: UserListParameters) -> CountedPage[Row[Any]]:
    """Return one page of the matching accounts by email address, and the number of matches for each filter.

    The search reads every account, so that it ignores case for all of Unicode on both databases without another
    column; there are hundreds of accounts, not millions.
    """
    columns = (User.key, User.email_folded, User.name, User.is_admin, User.disabled_at)
    search = fold(parameters.search)
    accounts = [
        row
        for row in db.session.execute(select(*columns))
        if search in fold(row.email_folded) or search in fold(row.name)
    ]
    counts = {show: sum(matches_filter(row, show) for row in accounts) for show in UserFilter}
    by_email = sorted(accounts, key=lambda row: row.email_folded)
    keys = [row.key for row in by_email if matches_filter(row, parameters.show)]
    start = (parameters.page - 1) * parameters.limit
    on_page = keys[start : start + parameters.limit]
    found = db.session.execute(select_users().where(User.key.in_(on_page))) if on_page else ()
    by_key = {row.key: row for row in found}
    return CountedPage([by_key[key] for key in on_page], len(keys), parameters.page, parameters.limit, counts)


def matches_filter(row: Row[Any], show: UserFilter) -> bool:
    """Return whether the filter lists the account."""
    return {
        UserFilter.ALL: True,
        UserFilter.ACTIVE: row.disabled_at is None,
        UserFilter.DISABLED: row.disabled_at is not None,
        UserFilter.ADMINS: row.is_admin,
    }[show]


def find_user(user_id: str) -> Row[Any] | None:
    """Return the account of that id, as `select_users` reads it."""
    return db.session.execute(select_users().where(User.id == user_id)).one_or_none()


def lock_with_admins(user_key: int | None) -> Sequence[User]:
    """Return the account and all admins, locked for the caller's transaction.

    All are locked in one order: when two admins remove each other's role at once, the second sees the first change.
    """
    locked = select(User).where(or_(User.is_admin, User.key == user_key)).order_by(User.key)
    locked = locked.with_for_update().execution_options(populate_existing=True)
    return db.session.execute(locked).scalars().all()

"""The one place from which admins read accounts; of their batches there are counts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Row, Select, and_, func, or_, select

from portal.admin.parameters import UserFilter, UserListParameters
from portal.extensions import db
from portal.models import AccountEvent, AccountLogEntry, BatchList, QueueStatus, Token, User
from portal.text import fold
from portal.web.pagination import CountedPage


def select_users() -> Select[Any]:
    """A select of what is shown of accounts; every list and page of them grows from it."""
    last_sign_in = (
        select(AccountLogEntry.at)
        .where(AccountLogEntry.subject_key == User.key, AccountLogEntry.what == AccountEvent.SIGNED_IN)
        .order_by(AccountLogEntry.key.desc())
        .limit(1)
        .correlate(User)
        .scalar_subquery()
    )
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
        User.totp_secret.is_not(None).label("has_second_factor"),
        last_sign_in.label("last_sign_in_at"),
        func.coalesce(batches, 0).label("batches"),
    ).outerjoin(BatchList, BatchList.owner_key == User.key)


def fetch_page(asked: UserListParameters) -> CountedPage[Row[Any]]:
    """One page of the accounts that match, by e-mail, and for each kind how many match the search.

    Accounts are hundreds, not millions: the search looks at each, and so ignores case for all of Unicode on both
    databases without a column of its own.
    """
    columns = (User.key, User.email_folded, User.name, User.is_admin, User.disabled_at)
    sought = fold(asked.search)
    found = [
        row for row in db.session.execute(select(*columns)) if sought in row.email_folded or sought in fold(row.name)
    ]
    counts = {shown: sum(matches_filter(row, shown) for row in found) for shown in UserFilter}
    keys = [row.key for row in sorted(found, key=lambda row: row.email_folded) if matches_filter(row, asked.show)]
    begin = (asked.page - 1) * asked.limit
    on_page = keys[begin : begin + asked.limit]
    rows = {row.key: row for row in db.session.execute(select_users().where(User.key.in_(on_page)))} if on_page else {}
    return CountedPage([rows[key] for key in on_page], len(keys), asked.page, asked.limit, counts)


def matches_filter(row: Row[Any], shown: UserFilter) -> bool:
    """Whether an account is of that kind."""
    return {
        UserFilter.ALL: True,
        UserFilter.ACTIVE: row.disabled_at is None,
        UserFilter.DISABLED: row.disabled_at is not None,
        UserFilter.ADMINS: row.is_admin,
    }[shown]


def find_user(user_id: str) -> Row[Any] | None:
    """What is shown of the account of that id."""
    return db.session.execute(select_users().where(User.id == user_id)).one_or_none()


def count_active_tokens(user_key: int, now: int) -> int:
    """How many of the account's tokens let a program in."""
    lasting = or_(Token.expires_at.is_(None), Token.expires_at > now)
    query = select(func.count(Token.key)).where(and_(Token.user_key == user_key, Token.revoked_at.is_(None), lasting))
    return db.session.execute(query).scalar_one()


def lock_with_admins(user_key: int | None) -> Sequence[User]:
    """That account and every admin's as they are now, for the caller's transaction; whoever else does this waits.

    All of them, always in one order: of two admins who take each other's role, the second sees what the first did.
    """
    locked = select(User).where(or_(User.is_admin, User.key == user_key)).order_by(User.key)
    locked = locked.with_for_update().execution_options(populate_existing=True)
    return db.session.execute(locked).scalars().all()


def has_admin() -> bool:
    """Whether anybody who may sign in is an admin."""
    admin = select(User.key).where(User.is_admin, User.disabled_at.is_(None)).limit(1)
    return db.session.execute(admin).first() is not None

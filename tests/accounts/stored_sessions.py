"""Sessions as the database stores them."""

from __future__ import annotations

from flask import Flask
from sqlalchemy import update

from portal.accounts.current_user import CONFIRMED_MS
from portal.db.transactions import write_transaction
from portal.extensions import db
from portal.models import UserSession


def find_session(app: Flask) -> UserSession:
    """Return the only session, detached."""
    with app.app_context():
        (session,) = db.session.query(UserSession)
        db.session.expunge(session)
        return session


def expire_confirmations(app: Flask) -> None:
    """Make all sessions so old that their users must confirm their identity again."""
    with app.app_context(), write_transaction() as session:
        session.execute(update(UserSession).values(created_at=UserSession.created_at - CONFIRMED_MS))

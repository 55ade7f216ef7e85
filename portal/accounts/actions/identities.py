"""Link accounts with OpenID Connect identities."""

from __future__ import annotations

from sqlalchemy import insert

from portal.accounts import query
from portal.audit.account_log import log_account_event
from portal.db.transactions import write_transaction
from portal.models import AccountEvent, LinkedIdentity
from portal.models.actor import Actor
from portal.times import now_ms


def link_identity(user_key: int, issuer: str, subject: str, by: Actor | None = None) -> None:
    """Link an OpenID Connect identity to the account. Idempotent."""
    with write_transaction() as session:
        query.lock_user(user_key)
        if query.find_linked_user(issuer, subject) is None:
            row = {"user_key": user_key, "issuer": issuer, "subject": subject, "created_at": now_ms()}
            session.execute(insert(LinkedIdentity), [row])
            details = {"issuer": issuer}
            log_account_event(session, AccountEvent.IDENTITY_LINKED, subject_key=user_key, by=by, details=details)

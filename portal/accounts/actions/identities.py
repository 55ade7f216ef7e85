"""Link accounts with OpenID Connect identities, and remove links. An account has one identity per provider."""

from __future__ import annotations

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError

from portal.accounts import identity_query, query
from portal.accounts.query import CredentialsChanged
from portal.audit.account_log import log_account_event
from portal.db.transactions import write_transaction
from portal.models import AccountEvent, LinkedIdentity, User, UserSession
from portal.models.actor import Actor
from portal.times import now_ms


class LinkedOtherwise(Exception):
    """The account is linked to another identity of the provider, or the identity to another account."""


def requires_proof(user: User) -> bool:
    """Return whether a link requires the account's own password and code, because the provider's word is not enough.

    That holds for admins, with two-factor authentication, and after a link of the account was removed.
    """
    return user.is_admin or user.totp_secret is not None or user.unlinked_at is not None


def link_identity(user_key: int, issuer: str, subject: str, by: Actor | None = None, *, is_proven: bool) -> None:
    """Link an identity to the account.

    `is_proven` = the user gave the account's own credentials. Raises LinkedOtherwise, and CredentialsChanged if they
    are required now.
    """
    with write_transaction() as session:
        if requires_proof(query.lock_user(user_key)) and not is_proven:
            raise CredentialsChanged
        linked = [(identity.issuer, identity.subject) for identity in identity_query.list_identities(user_key)]
        if (issuer, subject) in linked:
            return
        if issuer in dict(linked):
            raise LinkedOtherwise
        row = {"user_key": user_key, "issuer": issuer, "subject": subject, "created_at": now_ms()}
        try:
            session.execute(insert(LinkedIdentity), [row])
        except IntegrityError as error:  # the identity of another account
            raise LinkedOtherwise from error
        details = {"issuer": issuer}
        log_account_event(session, AccountEvent.IDENTITY_LINKED, subject_key=user_key, by=by, details=details)


def require_link(user_key: int, issuer: str, subject: str) -> None:
    """Raise CredentialsChanged unless the identity is linked to the account, which the caller has locked."""
    linked = identity_query.find_linked_user(issuer, subject)
    if linked is None or linked.key != user_key:
        raise CredentialsChanged


def unlink_identities(
    user_key: int, by: Actor | None = None, *, key: int | None = None, current_session: int | None = None
) -> int:
    """Remove the account's link of that key, or all, and return their number.

    Sessions that a provider started end, except the current one. A new link requires the account's own credentials.
    """
    with write_transaction() as session:
        user = query.lock_user(user_key, by=by)
        removed = [link for link in identity_query.list_identities(user_key) if key in (None, link.key)]
        for link in removed:
            session.execute(delete(LinkedIdentity).where(LinkedIdentity.key == link.key))
            user.unlinked_at = now_ms()
            details = {"issuer": link.issuer}
            log_account_event(session, AccountEvent.IDENTITY_UNLINKED, subject_key=user_key, by=by, details=details)
        if removed:
            by_provider = (UserSession.user_key == user_key, UserSession.by_provider)
            session.execute(delete(UserSession).where(*by_provider, UserSession.key != (current_session or 0)))
    return len(removed)

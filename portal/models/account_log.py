"""The account part of the audit log: events of accounts, and the table that stores them."""

from __future__ import annotations

from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis
from portal.models.labeled_enum import LabeledEnum


class AccountEvent(LabeledEnum):
    """A change of an account that the audit log records."""

    ADDED = "added", "Account created"
    CHANGED = "changed", "Account changed"
    DISABLED = "disabled", "Account disabled"
    ENABLED = "enabled", "Account enabled"
    ROLE = "role", "Role changed"
    PASSWORD = "password", "Password changed"
    SIGNED_IN = "signed-in", "Signed in"
    SIGN_IN_REFUSED = "sign-in-refused", "Sign-in refused"
    CREDENTIALS_REFUSED = "credentials-refused", "Wrong password or code for a change"
    SIGNED_OUT = "signed-out", "Signed out"
    SIGNED_OUT_EVERYWHERE = "signed-out-everywhere", "Signed out everywhere"
    SECOND_FACTOR_ON = "second-factor-on", "Two-factor authentication turned on"
    SECOND_FACTOR_OFF = "second-factor-off", "Two-factor authentication turned off"
    RECOVERY_CODES_CREATED = "recovery-codes-made", "Recovery codes created"
    RECOVERY_CODE_USED = "recovery-code-used", "Recovery code used"
    IDENTITY_LINKED = "identity-linked", "Single sign-on linked"
    IDENTITY_UNLINKED = "identity-unlinked", "Single sign-on unlinked"
    IDENTITY_CONFIRMED = "identity-confirmed", "Identity confirmed"
    TOKEN_CREATED = "token-made", "Token created"
    TOKEN_REVOKED = "token-revoked", "Token revoked"
    TOKENS_REVOKED = "tokens-revoked", "All tokens revoked"
    EXPORTED = "exported", "Exported"
    TRUNK_ADDED = "trunk-added", "Trunk added"
    TRUNK_CHANGED = "trunk-changed", "Trunk changed"
    TRUNK_REMOVED = "trunk-removed", "Trunk removed"
    CALLER_NUMBER_ADDED = "caller-number-added", "Caller number added"
    CALLER_NUMBER_CHANGED = "caller-number-changed", "Caller number changed"
    CALLER_NUMBER_REMOVED = "caller-number-removed", "Caller number removed"
    EMERGENCY_STOP = "emergency-stop", "Emergency stop"
    EMERGENCY_RESUME = "emergency-resume", "Emergency stop lifted"
    SUPPRESSIONS_ADDED = "suppressions-added", "Do-not-call numbers added"
    SUPPRESSIONS_REMOVED = "suppressions-removed", "Do-not-call numbers removed"


class AccountLogEntry(Base):
    """One event of an account. Triggers refuse updates and deletions."""

    __tablename__ = "account_events"
    __table_args__ = (Index(None, "subject_key", "key"), Index(None, "at"))

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[int] = mapped_column(Millis)
    subject_key: Mapped[int | None] = mapped_column(Key, ForeignKey("users.key"))  # None = the address has no account
    actor_key: Mapped[int | None] = mapped_column(Key, ForeignKey("users.key"))  # None = not signed in, or a command
    token_key: Mapped[int | None] = mapped_column(Key, ForeignKey("tokens.key"))
    way: Mapped[str] = mapped_column(String(20))  # a Channel
    what: Mapped[str] = mapped_column(String(30))  # an AccountEvent
    address: Mapped[str] = mapped_column(String(45), default="")  # IP address of the browser; "" for commands
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # no secrets and no phone numbers

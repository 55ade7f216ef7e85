"""What was done to an account, and by whom: the audit trail beside the changes of batches."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis, vocabulary_check
from portal.models.batch_log import Channel


class AccountEvent(StrEnum):
    """What was done."""

    ADDED = "added"
    CHANGED = "changed"
    DISABLED = "disabled"
    ENABLED = "enabled"
    ROLE = "role"
    PASSWORD = "password"  # noqa: S105, a word of the trail
    SIGNED_IN = "signed-in"
    SIGN_IN_REFUSED = "sign-in-refused"
    SIGNED_OUT = "signed-out"
    SIGNED_OUT_EVERYWHERE = "signed-out-everywhere"
    SECOND_FACTOR_ON = "second-factor-on"
    SECOND_FACTOR_OFF = "second-factor-off"
    RECOVERY_CODES_MADE = "recovery-codes-made"
    RECOVERY_CODE_USED = "recovery-code-used"
    IDENTITY_LINKED = "identity-linked"
    TOKEN_MADE = "token-made"  # noqa: S105, a word of the trail
    TOKEN_REVOKED = "token-revoked"  # noqa: S105, a word of the trail
    EXPORTED = "exported"


class AccountLogEntry(Base):
    """One event of an account. A trigger refuses to alter it."""

    __tablename__ = "account_events"
    __table_args__ = (
        vocabulary_check("way", Channel, "way_known"),
        vocabulary_check("what", AccountEvent, "what_known"),
        Index(None, "subject_key", "key"),
        Index(None, "at"),
    )

    key: Mapped[int] = mapped_column(Key, primary_key=True)
    at: Mapped[int] = mapped_column(Millis)
    subject_key: Mapped[int | None] = mapped_column(Key, ForeignKey("users.key"))  # None: no such account
    actor_key: Mapped[int | None] = mapped_column(Key, ForeignKey("users.key"))  # None: nobody signed in, or a command
    token_key: Mapped[int | None] = mapped_column(Key, ForeignKey("tokens.key"))
    way: Mapped[str] = mapped_column(String(20))
    what: Mapped[str] = mapped_column(String(30))
    address: Mapped[str] = mapped_column(String(45), default="")  # from which a browser came; "" = by a command
    details: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)  # never a secret, never a phone number

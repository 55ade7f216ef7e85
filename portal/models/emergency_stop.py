"""Emergency stops: while one is in force, no call is taken."""

from __future__ import annotations

from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import Mapped, mapped_column

from portal.models.base import Base, Key, Millis

REASON_LENGTH = 200
EVERYONE = 0  # the owner of the stop of all accounts; keys of users begin at 1


class EmergencyStop(Base):
    """The stop of one account, or of all accounts. The row exists while the stop is in force."""

    __tablename__ = "emergency_stops"

    owner_key: Mapped[int] = mapped_column(Key, primary_key=True, autoincrement=False)  # or EVERYONE
    stopped_at: Mapped[int] = mapped_column(Millis)
    by_key: Mapped[int | None] = mapped_column(Key, ForeignKey("users.key"))  # None = a command
    reason: Mapped[str] = mapped_column(String(REASON_LENGTH))

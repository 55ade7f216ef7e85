"""Change trunks and caller numbers. Each action is one transaction with its audit log entry.

Who dials a batch follows from the trunks of its caller numbers. So a change that would hand an active batch from one
dialer to another is refused, and each change locks the owner's batches first.
"""

from __future__ import annotations

from typing import Any

from flask import current_app
from sqlalchemy import update
from sqlalchemy.orm import Session

from portal import encryption
from portal.audit.account_log import log_account_event
from portal.batches.actions import lock_batch_list
from portal.db.transactions import write_transaction
from portal.ids import new_id
from portal.models import AccountEvent, CallerNumber, Trunk, TrunkKind
from portal.models.actor import Actor
from portal.times import now_ms
from portal.trunks import query
from portal.trunks.parameters import (
    CallerNumberChanges,
    NewCallerNumber,
    NewTrunk,
    TrunkChanges,
    require_engine_fields,
)
from portal.web.parameters import InvalidParameter

MAX_TRUNKS = 100  # of one owner
MAX_CALLER_NUMBERS = 1000
PURPOSE = "trunk"  # of the encryption
ENGINE_FIELDS: dict[str, Any] = {"address": "", "secret": "", "settings": {}}


class ChangeRefused(Exception):
    """A change that the present state does not allow; the message says what to do first."""


def add_trunk(by: Actor, fields: NewTrunk) -> str:
    """Create a trunk and return its id. Raises InvalidParameter and ChangeRefused."""
    values = fields.model_dump()
    require_engine_fields(fields.kind, values)
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        if query.count_trunks(by.user_key) >= MAX_TRUNKS:
            raise ChangeRefused(f"There are {MAX_TRUNKS} trunks, the maximum. Remove one first")
        trunk = Trunk(id=new_id(), owner_key=by.user_key, created_at=now_ms(), **stored_values(values))
        session.add(trunk)
        details = {"name": trunk.name, "kind": trunk.kind}
        log_account_event(session, AccountEvent.TRUNK_ADDED, subject_key=by.user_key, by=by, details=details)
        return trunk.id


def stored_values(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values of fields as columns store them: the secret encrypted, the settings as JSON."""
    stored = dict(values)
    if "secret" in stored:
        stored["secret"] = encrypt(stored["secret"]) if stored["secret"] else None
    if "settings" in stored:
        stored["settings"] = stored["settings"] or {}
    return stored


def encrypt(secret: str) -> str:
    """Return a secret as it is stored."""
    return encryption.encrypt_secret(secret, str(current_app.secret_key), purpose=PURPOSE)


def read_secret(trunk: Trunk) -> str | None:
    """Return the secret of a trunk, for its engine; None without one, or if no SECRET_KEY decrypts it."""
    keys = current_app.config["DECRYPTION_KEYS"]
    return encryption.decrypt_secret(trunk.secret, keys, purpose=PURPOSE) if trunk.secret else None


def change_trunk(by: Actor, trunk_id: str, changes: TrunkChanges) -> bool:
    """Change a trunk and return whether it exists; equal values change nothing. Raises InvalidParameter.

    Another engine needs its own secret: an old one must not be sent to a new address.
    """
    given = changes.model_dump(exclude_none=True)
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        trunk = query.find_trunk(by.user_key, trunk_id)
        if trunk is None:
            return False
        require_engine(trunk, given)
        changed = [name for name, value in given.items() if name == "secret" or getattr(trunk, name) != value]
        for name, value in stored_values({name: given[name] for name in changed}).items():
            setattr(trunk, name, value)
        if changed:
            details = {"name": trunk.name, "changed": ", ".join(changed)}
            log_account_event(session, AccountEvent.TRUNK_CHANGED, subject_key=by.user_key, by=by, details=details)
        return True


def require_engine(trunk: Trunk, given: dict[str, Any]) -> None:
    """Check the engine after a change, and reset in `given` what the engine before had. Raises InvalidParameter.

    Only the fields of an engine that the change names are checked.
    """
    kind = TrunkKind(given.get("kind", trunk.kind))
    is_other_engine = kind != trunk.kind or given.get("address", trunk.address) != trunk.address
    if is_other_engine:
        if kind.is_remote and trunk.secret and not given.get("secret"):
            raise InvalidParameter({"secret": "secret is required again with another kind or address"})
        given |= ENGINE_FIELDS | ({"address": trunk.address} if kind.is_remote else {}) | given
        require_engine_fields(kind, given)
    elif not given.keys().isdisjoint(ENGINE_FIELDS):
        present = {"address": trunk.address, "secret": trunk.secret, "settings": {}}
        require_engine_fields(kind, present | given)


def remove_trunk(by: Actor, trunk_id: str) -> bool:
    """Remove a trunk and return whether it exists. Raises ChangeRefused while it is in use."""
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        trunk = query.find_trunk(by.user_key, trunk_id)
        if trunk is None:
            return False
        if count := query.count_caller_numbers(by.user_key, trunk.key):
            numbers = "1 caller number belongs" if count == 1 else f"{count:,} caller numbers belong"
            raise ChangeRefused(f"{numbers} to this trunk. Move or remove {'it' if count == 1 else 'them'} first")
        if calls := query.count_lines_in_use(trunk.key):
            raise ChangeRefused(f"Calls are being made over this trunk: {calls:,}. Try again when they have ended")
        session.delete(trunk)
        details = {"name": trunk.name, "kind": trunk.kind}
        log_account_event(session, AccountEvent.TRUNK_REMOVED, subject_key=by.user_key, by=by, details=details)
        return True


def renew_encryption() -> None:
    """Encrypt the secrets that an older SECRET_KEY has encrypted with the present one, so that the older can go."""
    keys = current_app.config["DECRYPTION_KEYS"]
    if len(keys) == 1:
        return
    for key, stored in query.list_secrets():
        renewed = encryption.renew_encryption(stored, keys, purpose=PURPOSE)
        if renewed:
            with write_transaction() as session:  # unless it was changed meanwhile
                session.execute(update(Trunk).where(Trunk.key == key, Trunk.secret == stored).values(secret=renewed))


# --- caller numbers ---------------------------------------------------------------------------------------------------


def add_caller_number(by: Actor, fields: NewCallerNumber) -> str:
    """Add a caller number and return its id. Raises InvalidParameter and ChangeRefused."""
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        if query.has_caller_number(by.user_key, fields.phone_number):
            raise ChangeRefused("This number is already one of your caller numbers")
        if query.count_caller_numbers(by.user_key) >= MAX_CALLER_NUMBERS:
            raise ChangeRefused(f"There are {MAX_CALLER_NUMBERS:,} caller numbers, the maximum. Remove one first")
        trunk = require_trunk(by, fields.trunk_id)
        if trunk:
            require_no_active_batch(by, fields.phone_number)
        number = CallerNumber(
            id=new_id(),
            owner_key=by.user_key,
            phone_number=fields.phone_number,
            label=fields.label,
            trunk_key=trunk.key if trunk else None,
            created_at=now_ms(),
        )
        session.add(number)
        log_number_event(session, by, AccountEvent.CALLER_NUMBER_ADDED, number, trunk.name if trunk else "")
        return number.id


def change_caller_number(by: Actor, number_id: str, changes: CallerNumberChanges) -> bool:
    """Change a caller number and return whether it exists; equal values change nothing.

    Raises InvalidParameter and ChangeRefused.
    """
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        number = query.find_caller_number(by.user_key, number_id)
        if number is None:
            return False
        values: dict[str, Any] = {} if changes.label is None else {"label": changes.label}
        trunk = None
        if changes.trunk_id is not None:
            trunk = require_trunk(by, changes.trunk_id)
            values["trunk_key"] = trunk.key if trunk else None
            if (trunk is None) != (number.trunk_key is None):
                require_no_active_batch(by, number.phone_number)
        changed = {name: value for name, value in values.items() if getattr(number, name) != value}
        for name, value in changed.items():
            setattr(number, name, value)
        if changed:
            log_number_event(session, by, AccountEvent.CALLER_NUMBER_CHANGED, number, trunk.name if trunk else "")
        return True


def remove_caller_number(by: Actor, number_id: str) -> bool:
    """Remove a caller number and return whether it exists. Batches keep the phone number. Raises ChangeRefused."""
    with write_transaction() as session:
        lock_batch_list(session, by.user_key)
        number = query.find_caller_number(by.user_key, number_id)
        if number is None:
            return False
        if number.trunk_key is not None:
            require_no_active_batch(by, number.phone_number)
        session.delete(number)
        log_number_event(session, by, AccountEvent.CALLER_NUMBER_REMOVED, number)
        return True


def require_trunk(by: Actor, trunk_id: str) -> Trunk | None:
    """Return the owner's trunk of that id; None for "". Raises InvalidParameter for an unknown one."""
    trunk = query.find_trunk(by.user_key, trunk_id) if trunk_id else None
    if trunk_id and trunk is None:
        raise InvalidParameter({"trunkId": "trunkId must be the id of one of your trunks"})
    return trunk


def require_no_active_batch(by: Actor, phone_number: str) -> None:
    """Raise ChangeRefused if an active batch calls from the number, because another dialer would then call for it."""
    name = query.find_active_batch(by.user_key, phone_number)
    if name is not None:
        raise ChangeRefused(f"The active batch “{name}” calls from this number. Pause it first")


def log_number_event(session: Session, by: Actor, event: AccountEvent, number: CallerNumber, trunk: str = "") -> None:
    """Log a change of a caller number by its id and label; the log holds no phone numbers."""
    details = {"id": number.id, "label": number.label, "trunk": trunk}
    log_account_event(session, event, subject_key=by.user_key, by=by, details=details)

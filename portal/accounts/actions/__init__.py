"""Change users, sessions, second factors, links and tokens. Each action is one transaction with its audit log entry.

`by` is the author of the change; None = a command. The use of sessions and tokens is not logged.
"""

from portal.accounts.actions.identities import (
    LinkedOtherwise,
    link_identity,
    require_link,
    requires_proof,
    unlink_identities,
)
from portal.accounts.actions.second_factor import (
    SecondFactorProof,
    WrongCode,
    reencrypt_secrets,
    renew_recovery_codes,
    turn_off_second_factor,
    turn_on_second_factor,
    use_code,
)
from portal.accounts.actions.sessions import (
    confirm_session,
    end_session,
    log_refused_credentials,
    log_refused_sign_in,
    record_session_use,
    sign_out_everywhere,
    start_session,
)
from portal.accounts.actions.tokens import add_token, record_token_use, revoke_all_tokens, revoke_token
from portal.accounts.actions.users import (
    ADDRESS_TAKEN,
    add_user,
    change_account,
    change_password,
    disable_user,
    upgrade_password_hash,
)

__all__ = [
    "ADDRESS_TAKEN",
    "LinkedOtherwise",
    "SecondFactorProof",
    "WrongCode",
    "add_token",
    "add_user",
    "change_account",
    "change_password",
    "confirm_session",
    "disable_user",
    "end_session",
    "link_identity",
    "log_refused_credentials",
    "log_refused_sign_in",
    "record_session_use",
    "record_token_use",
    "reencrypt_secrets",
    "renew_recovery_codes",
    "require_link",
    "requires_proof",
    "revoke_all_tokens",
    "revoke_token",
    "sign_out_everywhere",
    "start_session",
    "turn_off_second_factor",
    "turn_on_second_factor",
    "unlink_identities",
    "upgrade_password_hash",
    "use_code",
]

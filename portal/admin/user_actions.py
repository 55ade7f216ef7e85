"""The actions on a user's page as one table: route, texts, and the function that applies each.

A new action needs its function in actions.py, its event in models/account_log.py, and its row here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from portal.admin import actions
from portal.admin.parameters import Role
from portal.admin.presenter import UserView
from portal.models.actor import Actor


@dataclass(frozen=True)
class UserAction:
    """One action. The texts may contain `{email}`.

    `path` ends the address; two actions with one path differ in the `choice` that the form sends under that name.
    Without a `question` the action needs no confirmation. `apply` returns whether anything changed.
    """

    path: str
    endpoint: str
    section: str
    label: str
    result: str
    apply: Callable[[int, Actor], bool]
    is_available: Callable[[UserView], bool] = lambda _user: True
    question: str = ""
    warning: str = ""
    confirm: str = ""
    choice: str = ""


# The sections of the page in order, each with its introduction.
SECTIONS: Mapping[str, str] = {
    "Access": "A disabled user cannot sign in, and their tokens are revoked. Their batches stay.",
    "Role": "Admins manage users, set passwords and read the audit log. They do not see other users’ batches.",
    "Two-factor authentication": "For users who have lost their phone and their recovery codes."
    " Verify their identity first.",
    "Sessions": "Use this after a lost device or a suspicious sign-in.",
    "Single sign-on": "A linked identity can sign in to the account. To link it again, the user needs its password.",
    "Tokens": "Programs use tokens to access the user’s batches through the API.",
}

USER_ACTIONS = (
    UserAction(
        path="disable",
        endpoint="disable_user",
        section="Access",
        label="Disable",
        question="Disable {email}?",
        warning="The user is signed out immediately, and their tokens are revoked for good. Active batches stay active."
        " You can enable the account again.",
        confirm="Disable account",
        result="{email} disabled. All sessions ended, and all tokens are revoked.",
        apply=actions.disable_user,
        is_available=lambda user: user.is_active,
    ),
    UserAction(
        path="enable",
        endpoint="enable_user",
        section="Access",
        label="Enable",
        warning="The tokens of the account stay revoked: the user creates new ones.",
        result="{email} enabled.",
        apply=actions.enable_user,
        is_available=lambda user: not user.is_active,
    ),
    UserAction(
        path="role",
        endpoint="set_role",
        choice=Role.ADMIN,
        section="Role",
        label="Make admin",
        question="Make {email} an admin?",
        warning="They will be able to disable you and to set other users’ passwords.",
        confirm="Make admin",
        result="{email} is now an admin.",
        apply=partial(actions.set_role, is_admin=True),
        is_available=lambda user: not user.is_admin,
    ),
    UserAction(
        path="role",
        endpoint="set_role",
        choice=Role.USER,
        section="Role",
        label="Remove admin role",
        question="Make {email} a user?",
        warning="They keep their batches and lose access to these pages immediately.",
        confirm="Remove role",
        result="{email} is no longer an admin.",
        apply=partial(actions.set_role, is_admin=False),
        is_available=lambda user: user.is_admin,
    ),
    UserAction(
        path="second-factor-off",
        endpoint="turn_off_second_factor",
        section="Two-factor authentication",
        label="Turn off",
        question="Turn off two-factor authentication for {email}?",
        warning="The password alone will be enough to sign in. Their recovery codes are deleted.",
        confirm="Turn off",
        result="Two-factor authentication turned off for {email}.",
        apply=actions.turn_off_second_factor,
        is_available=lambda user: user.has_second_factor,
    ),
    UserAction(
        path="end-sessions",
        endpoint="end_sessions",
        section="Sessions",
        label="Sign out everywhere",
        question="Sign {email} out everywhere?",
        warning="All their sessions end. Unsaved input is lost.",
        confirm="Sign out everywhere",
        result="{email} signed out everywhere.",
        apply=actions.end_sessions,
    ),
    UserAction(
        path="unlink",
        endpoint="unlink_identities",
        section="Single sign-on",
        label="Remove links",
        question="Remove the links of {email}?",
        warning="The user signs in with the password only. Without a password they cannot sign in until you set one.",
        confirm="Remove links",
        result="Links of {email} removed.",
        apply=actions.unlink_identities,
        is_available=lambda user: user.links > 0,
    ),
    UserAction(
        path="revoke-tokens",
        endpoint="revoke_tokens",
        section="Tokens",
        label="Revoke all tokens",
        question="Revoke all tokens of {email}?",
        warning="Programs that use them lose access immediately. This cannot be undone.",
        confirm="Revoke all tokens",
        result="All tokens of {email} are revoked.",
        apply=actions.revoke_all_tokens,
        is_available=lambda user: user.tokens > 0,
    ),
)


def actions_of(path: str) -> dict[str, UserAction]:
    """Return the actions with that path by their choice."""
    return {action.choice: action for action in USER_ACTIONS if action.path == path}


def available_actions(user: UserView) -> dict[str, list[UserAction]]:
    """Return the actions that apply to the user as they are now, by section; a section may be empty."""
    return {
        section: [action for action in USER_ACTIONS if action.section == section and action.is_available(user)]
        for section in SECTIONS
    }

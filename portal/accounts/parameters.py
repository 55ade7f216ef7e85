"""What people fill in about their account and tokens, and what the command line takes: one rule for both."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from portal.accounts.passwords import is_common
from portal.models import Scope
from portal.text import find_forbidden_character
from portal.web.field_types import Region, Zone
from portal.web.parameters import Parameters, parse_whole, text_type

LEAST_PASSWORD = 12


def is_email(value: str) -> str:
    """Something that can be an address; whether mail arrives there nobody can tell from its letters."""
    name, at, host = value.rpartition("@")
    if not (name and at and host) or " " in value:
        raise ValueError("must be an e-mail address, such as name@example.com")
    return value


def is_password(value: Any) -> Any:
    """A password that may be kept: long enough, and of characters that a keyboard can type again. Never trimmed."""
    if isinstance(value, str) and find_forbidden_character(value):
        raise ValueError("must not hold control characters")
    return value


def is_hard_to_guess(value: str, info: ValidationInfo) -> str:
    """Not what people commonly choose, nor made of what goes with the account: the fields before this one."""
    known = (info.data.get("email", ""), info.data.get("name", ""))
    if is_common(value, known):
        raise ValueError("is too easy to guess; a few words that do not belong together make a good one")
    return value


def as_scopes(value: Any) -> Any:
    """The scopes that were ticked, each once."""
    return tuple(dict.fromkeys(value)) if isinstance(value, list) else value


Email = Annotated[text_type(254), AfterValidator(is_email)]
Name = text_type(100, minimum=1)
NewPassword = Annotated[
    str,
    Field(min_length=LEAST_PASSWORD, max_length=1000),
    BeforeValidator(is_password),
    AfterValidator(is_hard_to_guess),
]


class SignInAddress(Parameters):
    """The sign-in page's address: where to go afterwards."""

    next: str = ""


class SignIn(Parameters):
    """The sign-in form. Nothing is said about what is wrong with either: only whether they fit."""

    email: str = ""
    password: str = ""


class CodeForm(Parameters):
    """A code of the second factor, or a recovery code; blanks and dashes in it are only for the eye."""

    code: str = ""


class SecondFactorForm(Parameters):
    """What shows that it is really them, before the second factor is changed."""

    current: str = ""
    code: str = ""


class NewUser(Parameters):
    """An account to be made."""

    email: Email
    name: text_type(100) = ""
    zone: Zone = "UTC"
    region: Region = ""
    password: NewPassword


class AccountForm(Parameters):
    """What a user may change about themselves."""

    name: Name
    zone: Zone
    region: Region = ""


class PasswordForm(Parameters):
    """A new password, and the old one to show that it is really them; with what must not be a part of it."""

    current: str = ""
    email: str = ""
    name: str = ""
    password: NewPassword


class TokenForm(Parameters):
    """A token to be made; `days` empty = it never expires."""

    name: Name
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1), BeforeValidator(as_scopes)] = (Scope.READ,)
    days: Annotated[int | None, Field(ge=1, le=3650), BeforeValidator(parse_whole)] = None

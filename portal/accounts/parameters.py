"""Forms and command arguments about accounts and tokens."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from portal.accounts.password_strength import is_easy_to_guess
from portal.models import Scope
from portal.text import find_forbidden_character
from portal.web.field_types import Region, Zone, name_type
from portal.web.parameters import Parameters, parse_whole, text_type

MIN_PASSWORD_LENGTH = 12


def check_email(value: str) -> str:
    """Return `value` if it has the form of an email address. Raises ValueError."""
    name, at, host = value.rpartition("@")
    if not (name and at and host) or " " in value:
        raise ValueError("must be an email address, such as name@example.com")
    return value


def check_password_characters(value: Any) -> Any:
    """Return `value`, untrimmed, if it contains only characters that can be typed. Raises ValueError."""
    if isinstance(value, str) and find_forbidden_character(value):
        raise ValueError("must not contain control characters")
    return value


def check_password_strength(value: str, info: ValidationInfo) -> str:
    """Return `value` unless it is easy to guess. Raises ValueError."""
    personal = (info.data.get("email", ""), info.data.get("name", ""))
    if is_easy_to_guess(value, personal):
        raise ValueError("is too easy to guess; use a few unrelated words")
    return value


def remove_duplicates(value: Any) -> Any:
    """Return a list as a tuple with each item once."""
    return tuple(dict.fromkeys(value)) if isinstance(value, list) else value


Email = Annotated[text_type(254), AfterValidator(check_email)]
Name = name_type(100, minimum=1)
NewPassword = Annotated[
    str,
    Field(min_length=MIN_PASSWORD_LENGTH, max_length=1000),
    BeforeValidator(check_password_characters),
    AfterValidator(check_password_strength),
]


class SignInAddress(Parameters):
    """The query of the sign-in page: the page to open afterwards."""

    next: str = ""


class ProviderResponse(Parameters):
    """The query of the OpenID Connect provider's response. Without a code it reports an error."""

    code: str = ""
    state: str = ""
    iss: str = ""


class ProvidedUser(Parameters):
    """The account of a user that the OpenID Connect provider identifies."""

    email: Email
    name: name_type(100) = ""


class SignInForm(Parameters):
    """The sign-in form. It has no rules, so that every failure looks the same."""

    email: str = ""
    password: str = ""


class CodeForm(Parameters):
    """A code of the authenticator app, or a recovery code."""

    code: str = ""


class LinkForm(Parameters):
    """The account's own credentials, which a link to an OpenID Connect identity requires."""

    password: str = ""
    code: str = ""


class SecondFactorForm(Parameters):
    """The credentials that a change of the second factor requires."""

    current: str = ""
    code: str = ""


class NewUser(Parameters):
    """A new account."""

    email: Email
    name: name_type(100) = ""
    zone: Zone = "UTC"
    region: Region = ""
    password: NewPassword


class AccountForm(Parameters):
    """The settings that users change themselves."""

    name: Name
    zone: Zone
    region: Region = ""


class PasswordForm(Parameters):
    """A new password with the current one, and the values that it must not contain."""

    current: str = ""
    email: str = ""
    name: str = ""
    password: NewPassword


class TokenForm(Parameters):
    """A new token; without `days` it expires as late as TOKEN_MAX_DAYS allows."""

    name: Name
    scopes: Annotated[tuple[Scope, ...], Field(min_length=1), BeforeValidator(remove_duplicates)] = (Scope.READ,)
    days: Annotated[int | None, Field(ge=1, le=3650), BeforeValidator(parse_whole)] = None

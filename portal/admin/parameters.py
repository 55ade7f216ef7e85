"""What an admin may ask of the list of users, and fills in about one."""

from __future__ import annotations

from enum import StrEnum

from portal.accounts.parameters import NewPassword, NewUser
from portal.web.parameters import PageNumber, PageSize, Parameters, text_type


class Role(StrEnum):
    """What an account may do: a user their own batches, an admin the accounts as well."""

    USER = "user"
    ADMIN = "admin"


class UserFilter(StrEnum):
    """Which accounts are listed."""

    ALL = "all"
    ACTIVE = "active"
    DISABLED = "disabled"
    ADMINS = "admins"


class UserListParameters(Parameters):
    """One page of the accounts."""

    page: PageNumber = 1
    limit: PageSize = 25
    search: text_type(200) = ""
    show: UserFilter = UserFilter.ALL


class AddUserForm(NewUser):
    """An account that an admin adds; without a password it gets one that is made up."""

    password: NewPassword | None = None
    role: Role = Role.USER


class SetPasswordForm(Parameters):
    """A password that an admin gives, with what must not be a part of it; none = one that is made up."""

    email: str = ""
    name: str = ""
    password: NewPassword | None = None


class RoleForm(Parameters):
    """The role that an account is to have."""

    role: Role

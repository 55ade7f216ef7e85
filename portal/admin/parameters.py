"""Parameters and forms of the admin pages."""

from __future__ import annotations

from portal.accounts.parameters import NewPassword, NewUser
from portal.models.labeled_enum import LabeledEnum
from portal.web.parameters import PageNumber, PageSize, Parameters, text_type


class Role(LabeledEnum):
    """The role of an account. The label describes its permissions."""

    USER = "user", "works with their own batches"
    ADMIN = "admin", "manages users and reads the audit log"


class UserFilter(LabeledEnum):
    """The accounts that the list shows."""

    ALL = "all", "All"
    ACTIVE = "active", "Active"
    DISABLED = "disabled", "Disabled"
    ADMINS = "admins", "Admins"


class UserListParameters(Parameters):
    """One page of the list of users."""

    page: PageNumber = 1
    limit: PageSize = 25
    search: text_type(200) = ""
    show: UserFilter = UserFilter.ALL


class AddUserForm(NewUser):
    """A new account; without a password, one is generated."""

    password: NewPassword | None = None
    role: Role = Role.USER


class SetPasswordForm(Parameters):
    """A new password, which must not contain the email address or name; without it, one is generated."""

    email: str = ""
    name: str = ""
    password: NewPassword | None = None

"""The command line for accounts and tokens. Scripts rely on the last line that a command prints."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC
from itertools import islice

import click

from portal.accounts import actions, query
from portal.accounts.parameters import NewUser, PasswordForm, TokenForm
from portal.admin import actions as admin_actions
from portal.admin.actions import AdminActionRefused
from portal.admin.parameters import Role
from portal.audit import query as trail
from portal.audit.parameters import AuditFilters
from portal.audit.presenter import audit_entry_view
from portal.cli import CommandGroup
from portal.models import Scope, User
from portal.times import format_iso
from portal.web.parameters import InvalidParameter, parse_fields, truncate

SCOPES = [scope.value for scope in Scope]
LONGEST_LINE = 10_000  # bytes; far above any password that is taken

user = CommandGroup("user", help="Accounts: who may sign in.")
token = CommandGroup("token", help="API tokens.")


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="What the portal calls them.")
@click.option("--zone", default="UTC", show_default=True, metavar="IANA", help="Time zone, such as Europe/Lisbon.")
@click.option("--region", default="", metavar="XX", help="Whose national phone numbers are meant, such as US.")
@click.option("--admin", is_flag=True, help="They may add, disable and enable users, and read the audit trail.")
def add_user(email: str, name: str, zone: str, region: str, *, admin: bool) -> None:
    """Make an account; prints its id.

    The password is the first line of standard input, or is asked for at a terminal.
    """
    given = {"email": email, "name": name, "zone": zone, "region": region, "password": prompt_password()}
    asked = parse_fields(given, NewUser, UTC, {}).or_refuse()
    made = actions.add_user(asked.email, asked.name, asked.zone, asked.password, asked.region, is_admin=admin)
    click.echo(made.id)


@user.command("list")
def list_users() -> None:
    """Every account: id, e-mail, time zone, when it was made, whether it is disabled, and its role."""
    users = query.list_users()
    widths = [max((len(getattr(found, name)) for found in users), default=0) for name in ("email", "zone")]
    for found in users:
        state = "active" if found.is_active else "disabled"
        role = Role.ADMIN if found.is_admin else Role.USER
        columns = (found.id, found.email.ljust(widths[0]), found.zone.ljust(widths[1]), format_iso(found.created_at))
        click.echo("  ".join((*columns, state.ljust(8), role.ljust(5), found.name)).rstrip())
    if not users:
        click.echo("No accounts yet; make one with: flask --app wsgi user add EMAIL", err=True)
    elif not any(found.is_admin and found.is_active for found in users):
        click.echo("No admin can sign in; make one with: flask --app wsgi user role EMAIL admin", err=True)


@user.command("password")
@click.argument("email")
def change_password(email: str) -> None:
    """Give an account a new password; every session of it ends.

    The password is the first line of standard input, or is asked for at a terminal.
    """
    found = find_user(email)
    given = {"password": prompt_password(), "email": found.email, "name": found.name}
    asked = parse_fields(given, PasswordForm, UTC, {}).or_refuse()
    actions.change_password(found.key, asked.password)
    click.echo(f"The password of {found.email} is changed; every session has ended")


@user.command("disable")
@click.argument("email")
@click.option("--force", is_flag=True, help="Also the last admin, so that nobody is left to sign in as one.")
def disable_user(email: str, *, force: bool) -> None:
    """Shut an account: nobody signs in to it any more, and its tokens stop."""
    found = find_user(email)
    with explain_last_admin():
        admin_actions.disable_user(found.key, even_last=force)
    click.echo(f"{found.email} is disabled")


@user.command("enable")
@click.argument("email")
def enable_user(email: str) -> None:
    """Open a disabled account again; those of its tokens that were not revoked work again."""
    found = find_user(email)
    admin_actions.enable_user(found.key)
    click.echo(f"{found.email} may sign in")


@user.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.option("--force", is_flag=True, help="Also the last admin's, so that nobody is left to sign in as one.")
def set_role(email: str, role: str, *, force: bool) -> None:
    """Make a user an admin, or an admin a user."""
    found = find_user(email)
    with explain_last_admin():
        admin_actions.set_role(found.key, is_admin=role == Role.ADMIN, even_last=force)
    click.echo(f"{found.email} is {'an admin' if role == Role.ADMIN else 'a user'}")


@contextmanager
def explain_last_admin() -> Iterator[None]:
    """What is refused as a plain line that says both ways on."""
    try:
        yield
    except AdminActionRefused as refusal:
        raise click.ClickException(f"{refusal} (user role EMAIL admin), or say --force") from refusal


@user.command("second-factor")
@click.argument("email")
@click.option("--off", is_flag=True, required=True, help="Turn it off; it is turned on by its user alone.")
def turn_off_second_factor(email: str, off: bool) -> None:
    """Let in by the password alone whoever has lost phone and recovery codes."""
    found = find_user(email)
    actions.turn_off_second_factor(found.key)
    click.echo(f"{found.email} signs in by the password alone")


@user.command("end-sessions")
@click.argument("email")
def end_sessions(email: str) -> None:
    """Sign an account out of every browser."""
    found = find_user(email)
    actions.sign_out_everywhere(found.key)
    click.echo(f"Every session of {found.email} has ended")


@user.command("trail")
@click.option("--user", "email", metavar="EMAIL", help="What this account did, and what was done to it.")
@click.option("--what", metavar="KIND", help="Entries of one kind alone, such as signed-in.")
@click.option("--from", "since", metavar="TIME", help="At this time or later; a date is that day in UTC.")
@click.option("--to", "until", metavar="TIME", help="At this time or before.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="At most so many entries.")
def show_audit_log(email: str | None, what: str | None, since: str | None, until: str | None, limit: int) -> None:
    """The audit trail, newest first: when, what, to which account or batch, by whom and how."""
    asked = parse_fields({"what": what, "from": since, "to": until}, AuditFilters, UTC, {}).or_refuse()
    user_key = find_user(email, "user").key if email is not None else None
    with closing(trail.stream_entries(asked, user_key)) as found:
        for entry in map(audit_entry_view, islice(found, limit)):
            told = f"{entry.what} ({entry.details})" if entry.details else entry.what
            click.echo(
                "  ".join(filter(None, (format_iso(entry.at), told, entry.account or entry.batch_id, entry.manner)))
            )


@token.command("add")
@click.argument("email")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--scope", multiple=True, type=click.Choice(SCOPES), help="What it may do; repeatable. Default: read.")
@click.option("--days", metavar="D", help="It expires after so many days. Default: never.")
def add_token(email: str, name: str, scope: tuple[str, ...], days: str | None) -> None:
    """Make a token for an account; prints it, this once."""
    given = {"name": name, "scopes": list(scope) or [Scope.READ], "days": days}
    asked = parse_fields(given, TokenForm, UTC, {}).or_refuse()
    made, text = actions.add_token(find_active_user(email).key, asked.name, frozenset(asked.scopes), asked.days)
    ends = f"expires {format_iso(made.expires_at)}" if made.expires_at else "never expires"
    click.echo(f"Token “{made.name}” ({made.scopes.replace(' ', ', ')}; {ends}). It is shown only now:")
    click.echo(text)


def find_user(email: str, field: str = "email") -> User:
    """The account of that address. Raises BadParameter, which names `field`, where there is none."""
    found = query.find_user_by_email(email)
    if found is None:
        raise InvalidParameter({field: f"{field}: there is no account {truncate(email)}"})
    return found


def find_active_user(email: str) -> User:
    """The account of that address. Raises BadParameter where there is none, or it is disabled."""
    found = find_user(email)
    if not found.is_active:
        raise InvalidParameter({"email": f"email: the account {found.email} is disabled"})
    return found


def prompt_password() -> str:
    """The first line of standard input; at a terminal it is asked for twice, and not shown."""
    if sys.stdin is None:
        raise InvalidParameter({"password": "password is required, on standard input"})
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    line = sys.stdin.buffer.readline(LONGEST_LINE)
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InvalidParameter({"password": "password is not valid UTF-8"}) from error

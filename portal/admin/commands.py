"""The `flask user` commands (tokens: token_commands.py). Scripts rely on the last line that a command prints."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC
from itertools import islice

import click

from portal.accounts import actions, identity_query, query
from portal.accounts.parameters import NewUser, PasswordForm
from portal.admin import actions as admin_actions
from portal.admin.actions import AdminActionRefused
from portal.admin.parameters import Role
from portal.audit import query as audit_query
from portal.audit.parameters import AuditFilters
from portal.audit.presenter import audit_entry_view
from portal.cli import CommandGroup, format_count
from portal.ids import new_readable_secret
from portal.models import User
from portal.times import format_iso
from portal.web.parameters import InvalidParameter, parse_fields, truncate

MAX_LINE_BYTES = 10_000  # far more than the longest password

user = CommandGroup("user", help="Manage user accounts.")


def password_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of a command that sets a password."""
    generate = click.option("--generate", is_flag=True, help="Generate a temporary password and print it.")
    temporary = click.option(
        "--temporary", is_flag=True, help="The user must change the password at the next sign-in, within seven days."
    )
    return generate(temporary(command))


@user.command("add")
@click.argument("email")
@click.option("--name", default="", help="Display name.")
@click.option("--zone", default="UTC", show_default=True, metavar="IANA", help="Time zone, such as Europe/Lisbon.")
@click.option("--region", default="", metavar="XX", help="Country of national phone numbers, such as US.")
@click.option("--admin", is_flag=True, help="Give the user the admin role.")
@password_options
def add_user(email: str, name: str, zone: str, region: str, *, admin: bool, generate: bool, temporary: bool) -> None:
    """Create an account and print its id.

    The password is read from the first line of standard input; at a terminal, the command prompts for it.
    """
    password = choose_password(generate=generate)
    fields = {"email": email, "name": name, "zone": zone, "region": region, "password": password}
    form = parse_fields(fields, NewUser, UTC, {}).or_refuse()
    options = {"is_admin": admin, "is_temporary": generate or temporary}
    added = actions.add_user(form.email, form.name, form.zone, form.password, form.region, **options)
    if generate:
        click.echo(f"Password  {password}")
    click.echo(added.id)


@user.command("list")
def list_users() -> None:
    """List all accounts: id, email address, time zone, creation time, state, role and name."""
    users = query.list_users()
    widths = [max((len(getattr(account, name)) for account in users), default=0) for name in ("email", "zone")]
    for account in users:
        columns = (
            account.id,
            account.email.ljust(widths[0]),
            account.zone.ljust(widths[1]),
            format_iso(account.created_at),
            ("active" if account.is_active else "disabled").ljust(8),
            (Role.ADMIN if account.is_admin else Role.USER).ljust(5),
            account.name,
        )
        click.echo("  ".join(columns).rstrip())
    if not users:
        click.echo("No accounts yet. Create one with: flask --app wsgi user add EMAIL", err=True)
    elif not any(account.is_admin and account.is_active for account in users):
        click.echo("No admin can sign in. Create one with: flask --app wsgi user role EMAIL admin", err=True)


@user.command("password")
@click.argument("email")
@password_options
def change_password(email: str, *, generate: bool, temporary: bool) -> None:
    """Set a new password, end all sessions of the account and remove its links of single sign-on.

    The password is read from the first line of standard input; at a terminal, the command prompts for it.
    """
    account = find_user(email)
    password = choose_password(generate=generate)
    fields = {"password": password, "email": account.email, "name": account.name}
    form = parse_fields(fields, PasswordForm, UTC, {}).or_refuse()
    actions.change_password(account.key, form.password, is_temporary=generate or temporary)
    if generate:
        click.echo(f"Password  {password}")
    click.echo(f"Password of {account.email} changed; all sessions ended")


@user.command("disable")
@click.argument("email")
@click.option("--force", is_flag=True, help="Disable even the last admin.")
def disable_user(email: str, *, force: bool) -> None:
    """Disable an account: it cannot sign in and its tokens are revoked for good."""
    account = find_user(email)
    with explain_last_admin():
        admin_actions.disable_user(account.key, force=force)
    click.echo(f"{account.email} disabled")


@user.command("enable")
@click.argument("email")
def enable_user(email: str) -> None:
    """Enable a disabled account. Its tokens stay revoked."""
    account = find_user(email)
    admin_actions.enable_user(account.key)
    click.echo(f"{account.email} enabled")


@user.command("role")
@click.argument("email")
@click.argument("role", type=click.Choice([role.value for role in Role]))
@click.option("--force", is_flag=True, help="Remove the role of even the last admin.")
def set_role(email: str, role: str, *, force: bool) -> None:
    """Make a user an admin, or an admin a user."""
    account = find_user(email)
    with explain_last_admin():
        admin_actions.set_role(account.key, is_admin=role == Role.ADMIN, force=force)
    click.echo(f"{account.email} is {'an admin' if role == Role.ADMIN else 'a user'}")


@contextmanager
def explain_last_admin() -> Iterator[None]:
    """Turn a refusal into an error message that names the command and the option to continue with."""
    try:
        yield
    except AdminActionRefused as refusal:
        raise click.ClickException(f"{refusal} (user role EMAIL admin), or use --force") from refusal


@user.command("second-factor")
@click.argument("email")
@click.option("--off", is_flag=True, required=True, help="Turn it off. Only the user can turn it on.")
def turn_off_second_factor(email: str, off: bool) -> None:
    """Turn off two-factor authentication for a user who has lost their phone and recovery codes."""
    account = find_user(email)
    actions.turn_off_second_factor(account.key)
    click.echo(f"Two-factor authentication turned off for {account.email}")


@user.command("end-sessions")
@click.argument("email")
def end_sessions(email: str) -> None:
    """End all sessions of an account."""
    account = find_user(email)
    actions.sign_out_everywhere(account.key)
    click.echo(f"All sessions of {account.email} ended")


@user.command("links")
@click.argument("email")
@click.option("--remove", is_flag=True, help="Remove the links. The account can link again with its own password.")
def list_links(email: str, *, remove: bool) -> None:
    """List the OpenID Connect identities that are linked to an account: issuer, subject and time of the link."""
    account = find_user(email)
    for link in identity_query.list_identities(account.key):
        click.echo("  ".join((link.issuer, link.subject, format_iso(link.created_at))))
    if remove:
        count = actions.unlink_identities(account.key)
        click.echo(f"{format_count(count, 'link', 'links')} of {account.email} removed")


@user.command("trail")
@click.option("--user", "email", metavar="EMAIL", help="Only entries by this user or about their account.")
@click.option("--what", metavar="KIND", help="Only entries of this kind, such as signed-in.")
@click.option("--from", "since", metavar="TIME", help="Only entries from this time on; a date is a day in UTC.")
@click.option("--to", "until", metavar="TIME", help="Only entries up to this time.")
@click.option("--limit", default=50, show_default=True, type=click.IntRange(min=1), help="Maximum number of entries.")
def show_audit_log(email: str | None, what: str | None, since: str | None, until: str | None, limit: int) -> None:
    """Print the audit log, newest first."""
    filters = parse_fields({"what": what, "from": since, "to": until}, AuditFilters, UTC, {}).or_refuse()
    user_key = find_user(email, "user").key if email is not None else None
    with closing(audit_query.stream_entries(filters, user_key)) as entries:
        for entry in map(audit_entry_view, islice(entries, limit)):
            event = f"{entry.event} ({entry.details})" if entry.details else entry.event
            columns = (format_iso(entry.at), event, entry.account or entry.batch_id, entry.source)
            click.echo("  ".join(filter(None, columns)))


def find_user(email: str, field: str = "email") -> User:
    """Return the account of that address. Raises InvalidParameter, with the name `field`, if there is none."""
    account = query.find_user_by_email(email)
    if account is None:
        raise InvalidParameter({field: f"{field}: there is no account {truncate(email)}"})
    return account


def find_active_user(email: str) -> User:
    """Return the account of that address. Raises InvalidParameter if there is none, or it is disabled."""
    account = find_user(email)
    if not account.is_active:
        raise InvalidParameter({"email": f"email: the account {account.email} is disabled"})
    return account


def choose_password(*, generate: bool) -> str:
    """Return a generated password, or else the one that the operator enters."""
    return new_readable_secret() if generate else read_password()


def read_password() -> str:
    """Return the first line of standard input; at a terminal, prompt for the password twice, without echo."""
    if sys.stdin is None:
        raise InvalidParameter({"password": "password is required, on standard input"})
    if sys.stdin.isatty():
        return click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True)
    line = sys.stdin.buffer.readline(MAX_LINE_BYTES)
    try:
        return line.decode().removesuffix("\n").removesuffix("\r")
    except UnicodeDecodeError as error:
        raise InvalidParameter({"password": "password is not valid UTF-8"}) from error

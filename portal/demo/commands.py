"""The `flask demo` command."""

from __future__ import annotations

import os

import click
from flask.cli import with_appcontext

from portal.accounts import query
from portal.cli import Command
from portal.config import SETTINGS
from portal.demo.actions import EMAIL, create_demo
from portal.loopback import is_loopback

DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
# The loopback address by the wildcard address that a server listens on.
FIRST_ACCOUNT = "flask --app wsgi user add EMAIL"
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not bound)


@click.command("demo", cls=Command)
@click.option("--first-time", is_flag=True, help="Do nothing and print nothing if any account exists.")
@click.option("--yes", is_flag=True, help="Also if there are other accounts, or if HOST is open to a network.")
@with_appcontext
def demo(first_time: bool, yes: bool) -> None:
    """Create a demo account with batches in every status, and print its credentials.

    The account is an admin. Its token expires after 30 days; the command creates a new one.
    """
    if first_time and query.has_any_user():
        return
    if not yes and (risk := find_risk()):
        if not first_time:
            raise click.ClickException(f"{risk}, and the demo account is an admin. Use --yes to create it anyway")
        click.echo(f"{risk}, so no demo account was created. Create your own: {FIRST_ACCOUNT}")
        return
    access = create_demo(first_time=first_time)
    if access is None:
        return
    if not access.is_new:
        click.echo("The demo account already exists. It has a new password and a new token; its batches are unchanged.")
    address = portal_address()
    click.echo(f"Address   {address}")
    click.echo(f"Email     {access.email}")
    click.echo(f"Password  {access.password}")
    click.echo("The batch list as JSON:")
    url = f"{address}/api/call/batches/{access.user_id}?page=1&limit=10"
    click.echo(f"curl -H 'Authorization: Bearer {access.token}' '{url}'")


def find_risk() -> str:
    """Return why the demo account should not be created unasked, or ""."""
    if query.has_any_user(except_email=EMAIL):
        return "This database has other accounts"
    host, proxies = read_setting("HOST"), read_setting("PROXIES")
    if not is_loopback(host):
        return f"HOST={host} is open to a network"
    return f"PROXIES={proxies} opens the portal to a network" if proxies != "0" else ""


def read_setting(name: str) -> str:
    """Return a setting of the server from the environment, or its default."""
    return os.environ.get(name) or DEFAULTS[name] or ""


def portal_address() -> str:
    """Return the address of the portal for a browser on this machine, according to HOST and PORT."""
    host, port = (read_setting(name) for name in ("HOST", "PORT"))
    host = LOOPBACK.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"

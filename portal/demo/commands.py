"""The `flask demo` command."""

from __future__ import annotations

import os

import click
from flask.cli import with_appcontext

from portal.cli import Command
from portal.config import SETTINGS
from portal.demo.actions import create_demo

DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
# The loopback address by the wildcard address that a server listens on.
LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (compared, not bound)


@click.command("demo", cls=Command)
@click.option("--first-time", is_flag=True, help="Do nothing and print nothing if any account exists.")
@with_appcontext
def demo(first_time: bool) -> None:
    """Create a demo account with batches in every status, and print its credentials."""
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


def portal_address() -> str:
    """Return the address of the portal for a browser on this machine, according to HOST and PORT."""
    host, port = (os.environ.get(name) or DEFAULTS[name] for name in ("HOST", "PORT"))
    host = LOOPBACK.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"

"""The command that makes a portal worth looking at."""

from __future__ import annotations

import os

import click
from flask.cli import with_appcontext

from portal.cli import Command
from portal.config import SETTINGS
from portal.demo.actions import create_demo

DEFAULTS = {setting.name: setting.default for setting in SETTINGS}
# What a server may listen on, and where this machine then finds it.
EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 (looked up, not bound)


@click.command("demo", cls=Command)
@click.option("--first-time", is_flag=True, help="Do nothing, and say nothing, when anybody has an account.")
@with_appcontext
def demo(first_time: bool) -> None:
    """Make a demo account with batches in every status, and say how to get in."""
    made = create_demo(first_time=first_time)
    if made is None:
        return
    if not made.is_new:
        click.echo("The demo account is there already: a new password and a new token for it, its batches as they are.")
    address = portal_address()
    click.echo(f"Address   {address}")
    click.echo(f"E-mail    {made.email}")
    click.echo(f"Password  {made.password}")
    click.echo("The same list as JSON:")
    listing = f"{address}/api/call/batches/{made.user_id}?page=1&limit=10"
    click.echo(f"curl -H 'Authorization: Bearer {made.token}' '{listing}'")


def portal_address() -> str:
    """Where a browser on this machine reaches the portal, as the environment has it."""
    host, port = (os.environ.get(name) or DEFAULTS[name] for name in ("HOST", "PORT"))
    host = EVERYWHERE.get(host, host)
    return f"http://{f'[{host}]' if ':' in host else host}:{port}"

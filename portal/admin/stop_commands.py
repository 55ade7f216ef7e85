"""The commands `flask emergency-stop` and `flask emergency-resume`, for one account or for all."""

from __future__ import annotations

from datetime import UTC

import click
from flask.cli import with_appcontext

from portal.admin import actions
from portal.admin.commands import find_user
from portal.cli import Command, format_count
from portal.dialing import stops
from portal.dialing.stops.parameters import StopReason
from portal.models import Channel
from portal.models.actor import Actor
from portal.web.parameters import parse_fields

account_option = click.option("--user", "email", metavar="EMAIL", help="Only this account; default: all accounts.")
reason_option = click.option("--reason", default="", help="Shown on pages, and stored in the audit log.")


@click.command("emergency-stop", cls=Command)
@account_option
@reason_option
@with_appcontext
def emergency_stop(email: str | None, reason: str) -> None:
    """Stop all calls at once: open calls are hung up, and none is placed until emergency-resume."""
    given = read_reason(reason)
    hung_up = actions.stop_everyone(given) if email is None else stops.stop(command_actor(email), given)
    click.echo(f"{format_count(hung_up, 'open call', 'open calls')} being hung up")


@click.command("emergency-resume", cls=Command)
@account_option
@reason_option
@with_appcontext
def emergency_resume(email: str | None, reason: str) -> None:
    """Lift an emergency stop. The stop of all accounts and that of one account are lifted separately."""
    given = read_reason(reason)
    was_stopped = actions.resume_everyone(given) if email is None else stops.resume(command_actor(email), given)
    click.echo("Calls resumed" if was_stopped else "No emergency stop was in force")


def read_reason(text: str) -> str:
    """Return the reason. Raises InvalidParameter."""
    return parse_fields({"reason": text}, StopReason, UTC, {}).or_refuse().reason


def command_actor(email: str) -> Actor:
    """Return the account as the author of a command. Raises InvalidParameter if there is none."""
    return Actor(find_user(email, "user").key, Channel.COMMAND)

"""The `flask simulate` command: a simulated dialer for demonstrations and load tests."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from portal.accounts import actions as accounts
from portal.accounts import query as accounts_query
from portal.batches import query as batches_query
from portal.batches.derived.check import list_owners
from portal.calls import query as calls_query
from portal.cli import Command, format_count, progress_bar
from portal.demo.simulated_dialer import ApiClient, ApiRefused, SimulatedDialer, SimulationResult, silence_request_log
from portal.ids import parse_id
from portal.models import CallStatus, QueueStatus, Scope
from portal.models.call import PICKED_STATUSES

TOKEN_NAME = "simulate"  # noqa: S105 (a name)
TOKEN_DAYS = 7  # in case the process is killed before it can revoke the token
START_HINT = "Start it on its page or with POST /api/call/start-calling"

# The final statuses in the order of the result.
OUTCOME_LABELS = {
    CallStatus.COMPLETED: "completed",
    CallStatus.DROPPED: "dropped",
    CallStatus.NO_ANSWER: "no answer",
    CallStatus.BUSY: "busy",
    CallStatus.FAILED: "failed",
}


def require_finite(_context: click.Context, _option: click.Parameter, value: float) -> float:
    """Return a finite number. Raises click.BadParameter."""
    if not math.isfinite(value):
        raise click.BadParameter("must be a number, such as 0.5")
    return value


@click.command("simulate", cls=Command)
@click.argument("batch_id", metavar="BATCH")
@click.option(
    "--rate",
    type=click.FloatRange(0, 10_000),
    default=5,
    show_default=True,
    callback=require_finite,
    help="Calls that end per second (0 = as fast as possible, with times spread over the last hour).",
)
@click.option(
    "--answer",
    type=click.FloatRange(0, 1),
    default=0.62,
    show_default=True,
    callback=require_finite,
    help="The share of answered calls.",
)
@click.option("--seed", type=int, help="Seed of the random numbers, for reproducible results.")
@with_appcontext
def simulate(batch_id: str, rate: float, answer: float, seed: int | None) -> None:
    """Simulate a dialer for an active batch (its id) through the API, until the batch is not active any more.

    No real calls are made. Calls are tried again as the batch's retry setting says, without its delay. You can pause,
    resume and stop the batch during the simulation.
    """
    app: Flask = current_app._get_current_object()
    parsed_id = parse_id(batch_id)
    if parsed_id is None:
        raise click.ClickException("BATCH must be an id: 24 hexadecimal characters")
    with app.app_context():  # its own, so that no transaction stays open during the simulation
        owner_key = find_owner(parsed_id)
    rng = random.Random(seed)  # noqa: S311 (not used for secrets)
    with silence_request_log(), temporary_token(app, owner_key) as token:
        try:
            dialer = SimulatedDialer(ApiClient(app, token), parsed_id, rng, answer, rate, print_message)
            with progress_bar(dialer.open_calls, "Calling") as bar:
                result = dialer.run(bar.update)
        except ApiRefused as error:
            raise click.ClickException(str(error)) from error
    click.echo(describe_result(result))


def print_message(message: str) -> None:
    """Print a message to standard error, below the progress bar if there is one."""
    click.echo(f"\n{message}" if sys.stderr.isatty() else message, err=True)


def find_owner(batch_id: str) -> int:
    """Return the key of the owner of an active batch. Raises ClickException with a hint for any other batch."""
    for owner_key, email in list_owners():
        batch = batches_query.find_row(owner_key, batch_id)
        if batch is None:
            continue
        if batch.status != QueueStatus.ACTIVE:
            if calls_query.has_open_calls(owner_key, batch_id):
                raise click.ClickException(f"This batch is {batch.status}. {START_HINT}")
            raise click.ClickException(f"This batch is {batch.status} and has no calls left. Add calls, then start it")
        owner = accounts_query.find_user_by_email(email)
        if owner is None or not owner.is_active:
            raise click.ClickException(f"The account {email} is disabled. Enable it first")
        return owner_key
    raise click.ClickException(f"Batch {batch_id} does not exist or is deleted")


@contextmanager
def temporary_token(app: Flask, owner_key: int) -> Iterator[str]:
    """Create a read/write token of the owner, and revoke it at the end, also after an error."""
    with app.app_context():
        token, secret = accounts.add_token(owner_key, TOKEN_NAME, frozenset({Scope.READ, Scope.WRITE}), TOKEN_DAYS)
        token_id = token.id
    try:
        yield secret
    finally:
        with app.app_context():
            accounts.revoke_token(owner_key, token_id)


def describe_result(result: SimulationResult) -> str:
    """Describe the outcomes in one line, and what stopped the simulation if calls are left."""
    picked = sum(count for status, count in result.ended.items() if status in PICKED_STATUSES)
    parts = [f"{picked:,} picked up"]
    parts += [f"{result.ended[status]:,} {label}" for status, label in OUTCOME_LABELS.items() if result.ended[status]]
    if result.unfinished:
        parts.append(f"{result.unfinished:,} unfinished")
    attempts = result.ended.total()
    retries = f", {attempts:,} attempts" if attempts > result.calls else ""
    line = f"{format_count(result.calls, 'call', 'calls')}{retries}: {', '.join(parts)}"
    if result.batch_status is None:
        return f"{line}; the batch was deleted"
    return line if result.batch_status is not QueueStatus.STOPPED else f"{line}; the batch was stopped"

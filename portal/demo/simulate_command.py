"""The command that plays a dialer, for demonstrations and load."""

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
TOKEN_DAYS = 7  # should the run be killed before it can revoke it
START = "start it first, on its page or by POST /api/call/start-calling"

# The last words, as they are told, in that order.
WORDS = {
    CallStatus.COMPLETED: "completed",
    CallStatus.DROPPED: "dropped",
    CallStatus.NO_ANSWER: "no answer",
    CallStatus.BUSY: "busy",
    CallStatus.FAILED: "failed",
}


def parse_number(_context: click.Context, _option: click.Parameter, value: float) -> float:
    """A number that can be counted with. Raises BadParameter of click."""
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
    callback=parse_number,
    help="Calls finished a second; 0 = as fast as it can, told as if spread over the last hour.",
)
@click.option(
    "--answer",
    type=click.FloatRange(0, 1),
    default=0.62,
    show_default=True,
    callback=parse_number,
    help="The share of calls that somebody answers.",
)
@click.option("--seed", type=int, help="The same number, the same outcomes.")
@with_appcontext
def simulate(batch_id: str, rate: float, answer: float, seed: int | None) -> None:
    """Play a dialer for an active batch (its id), through the API, until the batch is no longer active.

    Nobody is called. Pause, resume and stop the batch while it runs, and the dialer obeys.
    """
    app: Flask = current_app._get_current_object()
    found = parse_id(batch_id)
    if found is None:
        raise click.ClickException("BATCH must be an id: 24 hexadecimal characters")
    with app.app_context():  # of its own, so that nothing that was read stays open for as long as the run takes
        owner_key = find_owner(found)
    chance = random.Random(seed)  # noqa: S311 (what happens to made-up calls is no secret)
    with silence_request_log(), temporary_token(app, owner_key) as token:
        try:
            player = SimulatedDialer(ApiClient(app, token), found, chance, answer, rate, print_status)
            with progress_bar(player.open, "Calling") as bar:
                played = player.play(bar.update)
        except ApiRefused as error:
            raise click.ClickException(str(error)) from error
    click.echo(describe_result(played))


def print_status(words: str) -> None:
    """A word on standard error while it runs, below the bar where there is one."""
    click.echo(f"\n{words}" if sys.stderr.isatty() else words, err=True)


def find_owner(batch_id: str) -> int:
    """The key of the owner of an active batch. Raises ClickException, which says what to do, for any other."""
    for owner_key, email in list_owners():
        batch = batches_query.find_row(owner_key, batch_id)
        if batch is None:
            continue
        if batch.status != QueueStatus.ACTIVE:
            idle = not calls_query.has_open_calls(owner_key, batch_id)
            todo = "it has no call left to make: add calls, then start it" if idle else START
            raise click.ClickException(f"This batch is {batch.status}; {todo}")
        owner = accounts_query.find_user_by_email(email)
        if owner is None or not owner.is_active:
            raise click.ClickException(f"The account {email} is disabled, so that no dialer can report for it")
        return owner_key
    raise click.ClickException(f"There is no batch {batch_id}, or it is deleted")


@contextmanager
def temporary_token(app: Flask, owner_key: int) -> Iterator[str]:
    """A token of the owner that reads and writes, as text; revoked at the end, however that comes."""
    with app.app_context():
        token, text = accounts.add_token(owner_key, TOKEN_NAME, frozenset({Scope.READ, Scope.WRITE}), TOKEN_DAYS)
        token_id = token.id
    try:
        yield text
    finally:
        with app.app_context():
            accounts.revoke_token(owner_key, token_id)


def describe_result(played: SimulationResult) -> str:
    """One line: what was reported, and why it ended, where the calls did not."""
    picked = sum(count for status, count in played.finished.items() if status in PICKED_STATUSES)
    parts = [f"{picked:,} picked up"]
    parts += [f"{played.finished[status]:,} {word}" for status, word in WORDS.items() if played.finished[status]]
    if played.left:
        parts.append(f"{played.left:,} left on the line")
    line = f"{format_count(played.finished.total(), 'call', 'calls')}: {', '.join(parts)}"
    if played.ended is None:
        return f"{line}; the batch was deleted"
    return line if played.ended is not QueueStatus.STOPPED else f"{line}; the batch was stopped"

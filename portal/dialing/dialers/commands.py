"""The `flask dial` command."""

from __future__ import annotations

import click
from flask import current_app

from portal.cli import Command
from portal.dialing.dialers.process import DialerProcess


@click.command("dial", cls=Command)
@click.option("--parent", type=int, hidden=True, help="End as soon as the parent process is another one.")
@click.pass_context
def dial(context: click.Context, parent: int | None) -> None:
    """Place the calls of started batches over the trunks of all accounts, until SIGTERM or Ctrl-C.

    Any number of these processes may run, on any machine with PostgreSQL. Answered calls go on when one ends.
    """
    process = DialerProcess(current_app._get_current_object(), parent)
    process.end_on_signals()
    process.run()

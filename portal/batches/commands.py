"""The `flask batch` commands: import, check and purge."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import click
from flask import current_app
from sqlalchemy import Row

from portal.admin.commands import find_user
from portal.batches import actions, query
from portal.batches.call_history import open_call_history
from portal.batches.derived import check
from portal.calls import actions as calls_actions
from portal.cli import CommandGroup, confirm, format_count, progress_bar
from portal.contacts.encodings import ENCODINGS
from portal.times import DAY_MS, now_ms

MAX_DIFFERENCES = 20  # listed one by one
MAX_NAMES = 20  # listed one by one, per owner

batch = CommandGroup("batch", help="Manage batches.")


@batch.command("import")
@click.argument("file")
@click.option("--owner", required=True, metavar="EMAIL", help="The account that gets the batches.")
def import_history(file: str, owner: str) -> None:
    """Import a call history with one batch per batchName. Skip batches and calls that already exist."""
    owner_key = find_user(owner, "owner").key
    history = open_call_history(file)
    with progress_bar(2 * history.size, "Importing") as bar:  # reads the rows twice: to check them and to store them
        result = actions.import_history(owner_key, history, bar.update)
    if replaced := history.table.replaced_characters:
        characters = format_count(replaced, "character", "characters")
        click.echo(f"Replaced {characters} not in {ENCODINGS[history.table.encoding]}")
    if hidden := history.table.hidden_rows:
        click.echo(f"Skipped {format_count(hidden, 'hidden row', 'hidden rows')}")
    for name in result.deleted:
        click.echo(f"Skipped deleted batch: {name}")
    for name, current_name in result.renamed.items():
        click.echo(f"Matched renamed batch: {name} is now {current_name}")
    batches, calls = format_count(result.batches, "batch", "batches"), format_count(result.calls, "call", "calls")
    click.echo(f"{batches}, {calls} added")


@batch.command("check")
@click.option("--repair", is_flag=True, help="Rebuild the derived data first. Other writers wait until it is done.")
def check_derived(repair: bool) -> None:
    """Compare derived data (versions, counts, name index) with the rows of all batches and calls."""
    if repair:
        with progress_bar(check.estimate_batch_count(), "Repairing") as bar:
            actions.repair_derived(bar.update)
        calls_actions.divide_earlier_events()
    with progress_bar(check.estimate_batch_count(), "Checking") as bar:
        differences = list(check.find_all_differences(bar.update))
    for difference in differences[:MAX_DIFFERENCES]:
        click.echo(difference)
    if len(differences) > MAX_DIFFERENCES:
        click.echo(f"... and {len(differences) - MAX_DIFFERENCES:,} more")
    if not check.has_name_index():
        click.echo("This database has no name index. Searches scan all names.")
    if differences:
        count = format_count(len(differences), "difference", "differences")
        raise click.ClickException(f"{count} found. Run the command with --repair")
    click.echo("No differences found")


@batch.command("purge")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(0, 36_500),
    required=True,
    metavar="DAYS",
    help="Minimum number of days since the deletion (0 = all deleted batches).",
)
@click.option("--owner", metavar="EMAIL", help="Only batches of this account. Default: all accounts.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
def purge(days: int, owner: str | None, yes: bool) -> None:
    """Permanently delete batches of the trash with their calls, after listing them and asking for confirmation."""
    with current_app.app_context():  # its own, so that no transaction stays open while the question is on the screen
        trash = find_trash(now_ms() - days * DAY_MS, owner)
    if not trash:
        click.echo("Nothing to purge: no batch was deleted that long ago")
        return
    for owner_trash in trash:
        owner_trash.print()
    rows = [row for owner_trash in trash for row in owner_trash.rows]
    question = f"Permanently delete {summarize_rows(rows)}?"
    if not yes and not confirm(question, "nothing was deleted. Use --yes to skip the question"):
        click.echo("Nothing was deleted")
        return
    purged: list[Row[Any]] = []
    try:
        with progress_bar(len(rows), "Purging") as bar:
            for owner_key, row in [(owner_trash.owner_key, row) for owner_trash in trash for row in owner_trash.rows]:
                if actions.purge_batch(owner_key, row.id):
                    purged.append(row)
                bar.update(1)
    finally:  # also after an interruption, because purged batches cannot be restored
        click.echo(f"Permanently deleted: {summarize_rows(purged)}")
    if skipped := len(rows) - len(purged):
        click.echo(f"Skipped: {format_count(skipped, 'batch', 'batches')} restored or purged in the meantime")


@dataclass(frozen=True)
class OwnerTrash:
    """The batches of one owner to purge; each row has id, name and total_calls."""

    owner_key: int
    email: str
    rows: Sequence[Row[Any]]

    def print(self) -> None:
        """Print the owner and the first batches by name."""
        click.echo(f"{self.email}: {summarize_rows(self.rows)}")
        for row in self.rows[:MAX_NAMES]:
            click.echo(f"  {row.name}: {format_count(row.total_calls, 'call', 'calls')}")
        if len(self.rows) > MAX_NAMES:
            click.echo(f"  ... and {len(self.rows) - MAX_NAMES:,} more")


def find_trash(until: int, email: str | None) -> list[OwnerTrash]:
    """Return the batches deleted until that time (milliseconds), of one owner or of all owners who have any.

    Raises InvalidParameter if the owner does not exist.
    """
    owner_key = find_user(email, "owner").key if email is not None else None
    owners = [(key, owner_email) for key, owner_email in check.list_owners() if owner_key in (None, key)]
    trash = [OwnerTrash(key, owner_email, query.find_deleted_before(key, until + 1)) for key, owner_email in owners]
    return [owner_trash for owner_trash in trash if owner_trash.rows]


def summarize_rows(rows: Sequence[Row[Any]]) -> str:
    """Format the number of batches and of their calls."""
    calls = sum(row.total_calls for row in rows)
    return f"{format_count(len(rows), 'batch', 'batches')} and {format_count(calls, 'call', 'calls')}"

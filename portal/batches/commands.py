"""The command line for batches."""

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
from portal.cli import CommandGroup, confirm, format_count, progress_bar
from portal.times import DAY_MS, now_ms

# So many are told one by one.
MOST_DIFFERENCES = 20
MOST_NAMES = 20

batch = CommandGroup("batch", help="Call batches.")


@batch.command("import")
@click.argument("file")
@click.option("--owner", required=True, metavar="EMAIL", help="Whose batches they become.")
def import_history(file: str, owner: str) -> None:
    """Import a call history (CSV), one batch for each batchName; what is there already is not added again."""
    owner_key = find_user(owner, "owner").key
    with (
        open_call_history(file) as history,
        progress_bar(2 * history.size, "Importing") as bar,
    ):  # checked first, then stored
        imported = actions.import_history(owner_key, history, bar.update)
    for name in imported.deleted:
        click.echo(f"Left out: {name} is deleted, and stays so")
    for name, now in imported.renamed.items():
        click.echo(f"Found again: {name} is called {now} now")
    click.echo(
        f"{format_count(imported.batches, 'batch', 'batches')}, {format_count(imported.calls, 'call', 'calls')} added"
    )


@batch.command("check")
@click.option("--repair", is_flag=True, help="Make what is kept anew from the rows; other writers wait for the end.")
def check_derived(repair: bool) -> None:
    """Compare what is kept beside the rows (versions, counts, the index of names) with all of the rows."""
    if repair:
        with progress_bar(check.estimate_batch_count(), "Repairing") as bar:
            actions.repair_derived(bar.update)
    with progress_bar(check.estimate_batch_count(), "Checking") as bar:
        found = list(check.find_all_differences(bar.update))
    for difference in found[:MOST_DIFFERENCES]:
        click.echo(difference)
    if len(found) > MOST_DIFFERENCES:
        click.echo(f"... and {len(found) - MOST_DIFFERENCES:,} more")
    if not check.has_name_index():
        click.echo("Names have no index here, so that searches read them one after the other.")
    if found:
        raise click.ClickException(f"{format_count(len(found), 'difference', 'differences')}; mend them with --repair")
    click.echo("Everything that is kept agrees with the rows")


@batch.command("purge")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(0, 36_500),
    required=True,
    metavar="DAYS",
    help="Deleted at least so many days ago; 0 = all that are deleted.",
)
@click.option("--owner", metavar="EMAIL", help="Whose batches. Default: everybody's.")
@click.option("--yes", is_flag=True, help="Do not ask.")
def purge(days: int, owner: str | None, yes: bool) -> None:
    """Remove deleted batches for good, with their calls; says which, and asks."""
    with current_app.app_context():  # of its own, so that nothing that was read stays open while a person thinks
        trash = find_trash(now_ms() - days * DAY_MS, owner)
    if not trash:
        click.echo("Nothing to remove: no batch was deleted that long ago")
        return
    for one in trash:
        one.tell()
    rows = [row for one in trash for row in one.rows]
    if not yes and not confirm(
        f"Remove {summarize_rows(rows)} for good?", "nothing was removed; --yes removes without asking"
    ):
        click.echo("Nothing was removed")
        return
    removed: list[Row[Any]] = []
    try:
        with progress_bar(len(rows), "Removing") as bar:
            for owner_key, row in [(one.owner_key, row) for one in trash for row in one.rows]:
                if actions.purge_batch(owner_key, row.id):
                    removed.append(row)
                bar.update(1)
    finally:  # also where it was cut short: what is removed does not come back
        click.echo(f"Removed for good: {summarize_rows(removed)}")
    if stayed := len(rows) - len(removed):
        click.echo(f"Left alone: {format_count(stayed, 'batch', 'batches')}, restored or removed meanwhile")


@dataclass(frozen=True)
class OwnerTrash:
    """Batches of one owner that are to be removed: id, name and total_calls each."""

    owner_key: int
    email: str
    rows: Sequence[Row[Any]]

    def tell(self) -> None:
        """Say whose they are, and the first of them by name."""
        click.echo(f"{self.email}: {summarize_rows(self.rows)}")
        for row in self.rows[:MOST_NAMES]:
            click.echo(f"  {row.name}: {format_count(row.total_calls, 'call', 'calls')}")
        if len(self.rows) > MOST_NAMES:
            click.echo(f"  ... and {len(self.rows) - MOST_NAMES:,} more")


def find_trash(until: int, email: str | None) -> list[OwnerTrash]:
    """What was deleted by that moment (milliseconds), of one owner or of all; owners without any are left out.

    Raises BadParameter where there is no such owner.
    """
    owner_key = find_user(email, "owner").key if email is not None else None
    owners = [(key, whose) for key, whose in check.list_owners() if owner_key in (None, key)]
    found = [OwnerTrash(key, whose, query.find_deleted_before(key, until + 1)) for key, whose in owners]
    return [trash for trash in found if trash.rows]


def summarize_rows(rows: Sequence[Row[Any]]) -> str:
    """How many batches, and how many calls are in them."""
    calls = sum(row.total_calls for row in rows)
    return f"{format_count(len(rows), 'batch', 'batches')} and {format_count(calls, 'call', 'calls')}"

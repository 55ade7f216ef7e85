"""Find the contacts of a file that are on do-not-call lists."""

from __future__ import annotations

from collections.abc import Sequence

from portal.contacts.file_report import Contact, FileReport
from portal.suppressions import query
from portal.times import now_ms


def count_listed(owner_key: int, phone_numbers: Sequence[str], report: FileReport) -> None:
    """Store in the report how many numbers are on the owner's own list, and how many only on other lists."""
    listed = query.find_listed(owner_key, phone_numbers, now_ms())
    report.on_own_list = sum(listed.values())
    report.on_other_lists = len(listed) - report.on_own_list


def leave_out_suppressed(
    owner_key: int, contacts: Sequence[Contact], report: FileReport, *, every_list: bool
) -> list[Contact]:
    """Return the contacts that may be called, and count the others in the report."""
    numbers = [contact.number for contact in contacts]
    suppressed = query.find_suppressed(owner_key, numbers, now_ms(), every_list=every_list)
    report.suppressed = len(suppressed)
    return [contact for contact in contacts if contact.number not in suppressed]

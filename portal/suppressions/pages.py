"""The page of do-not-call lists, below Settings."""

from __future__ import annotations

import re
from typing import Any

from flask import Blueprint, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response

from portal.accounts.current_user import current_actor
from portal.batches.settings_form import split_numbers
from portal.contacts.file_limits import ContactFileError
from portal.models.suppression import OWN_SOURCE
from portal.suppressions import actions, query
from portal.suppressions.parameters import ListLoad, SuppressionPageParameters, SuppressionsBody
from portal.suppressions.placements import wait_for_placements
from portal.suppressions.presenter import describe_added, list_view, suppression_view
from portal.uploads.actions import UploadedFile
from portal.uploads.parsing import ReadingOptions, open_contact_sheet, read_contacts
from portal.uploads.presenter import explain_no_contacts, summarize_invalid_rows
from portal.web import htmx
from portal.web.clock import request_clock
from portal.web.pagination import fetch_existing_page
from portal.web.parameters import InvalidParameter, parse_fields, parse_query
from portal.web.progress import Advance, UserError, with_progress
from portal.web.rendering import render
from portal.web.request_hooks import accept_files

blueprint = Blueprint("suppressions", __name__, url_prefix="/settings/suppressions")

ITEM = re.compile(r"phoneNumbers\[(\d+)\]( .*)")


@blueprint.get("")
@login_required
def list_suppressions() -> Response:
    """Show the lists, and a page of the numbers on them."""
    return show_suppressions({})


def show_suppressions(form_problems: dict[str, str]) -> Response:
    """Return the page, with the problems of one of its forms beside their fields."""
    parsed = parse_query(request.query_string, SuppressionPageParameters, ignore_unknown=True)
    parameters, page = fetch_existing_page(
        parsed, lambda parameters: query.fetch_page(current_user.key, parameters, current_user.region)
    )
    now = request_clock().now
    return render(
        "suppressions/list.html",
        "suppressions/_numbers.html",
        status=400 if form_problems else None,
        problems=parsed.problems,
        form_problems=form_problems,
        form=request.form,
        parameters=parameters,
        page=page,
        numbers=[suppression_view(row, current_user.region, now) for row in page.rows],
        lists=[list_view(row, now) for row in query.list_lists(current_user.key)],
        own_source=OWN_SOURCE,
    )


def read_given(*names: str) -> dict[str, Any]:
    """Return the fields of the form that are not empty."""
    return {name: request.form[name] for name in names if request.form.get(name)}


@blueprint.post("")
@login_required
def add_numbers() -> Response:
    """Add typed numbers to a list."""
    given = read_given("source", "until") | {"phoneNumbers": split_numbers(request.form.get("phoneNumbers", ""))}
    parsed = parse_fields(given, SuppressionsBody, request_clock().zone, {}, current_user.region)
    try:
        form = parsed.or_refuse()
        actor = current_actor()
        result = actions.add_numbers(actor, form.phone_numbers, form.source, form.until_ms)
        wait_for_placements(actor.user_key, form.phone_numbers)
    except InvalidParameter as error:
        return show_suppressions(problems_by_field(error.problems))
    flash(describe_added(*result))
    return htmx.redirect_browser(url_for(".list_suppressions"))


def problems_by_field(problems: dict[str, str]) -> dict[str, str]:
    """Return problems by field of the form: phoneNumbers[3] becomes phoneNumbers, with "number 4 …"."""
    by_field = {}
    for name, message in problems.items():
        item = ITEM.fullmatch(message)
        by_field[name.partition("[")[0]] = f"number {int(item[1]) + 1}{item[2]}" if item else message
    return by_field


@blueprint.post("/upload")
@login_required
@accept_files
def upload_list() -> Any:
    """Add the numbers of a file to a list."""
    files = request.files.getlist("file")
    file = UploadedFile(files[0].filename or "", files[0].read()) if len(files) == 1 else UploadedFile("", b"")
    given = read_given("source", "until", "validDays", "replace", "type")
    parsed = parse_fields(given, ListLoad, request_clock().zone, {}, current_user.region)
    actor, options = current_actor(), ReadingOptions(region=current_user.region)

    def load(advance: Advance) -> str:
        try:
            form = parsed.or_refuse()
            form.require_registry()
            numbers = read_numbers(file, options, advance, skip_invalid=form.type)
            result = actions.add_numbers(
                actor,
                numbers,
                form.source,
                form.until_ms,
                valid_days=form.valid_days,
                replace=form.replace,
                advance=lambda done: advance("Storing", done, len(numbers)),
            )
            wait_for_placements(actor.user_key, numbers)
        except InvalidParameter as error:
            raise UserError("Correct the marked fields.", error.problems) from error
        flash(describe_added(*result))
        return url_for(".list_suppressions")

    def show_problem(problem: UserError) -> Response:
        return show_suppressions(problem.problems or {"file": str(problem)})

    return with_progress(load, show_problem)


def read_numbers(file: UploadedFile, options: ReadingOptions, advance: Advance, *, skip_invalid: bool) -> list[str]:
    """Return the numbers of a file. Raises UserError."""
    if not file.name:
        raise UserError("Choose a file.")
    try:
        contacts, report = read_contacts(open_contact_sheet(file.content, file.name, options), advance)
    except ContactFileError as error:
        raise UserError(f"The file cannot be read: {error}.") from error
    if report.invalid_rows and not (skip_invalid and contacts):
        reasons = summarize_invalid_rows(report, "Correct them, or skip invalid rows").removeprefix("file")
        raise UserError(f"The file{reasons}.")
    if not contacts:
        raise UserError(f"The file cannot be used: {explain_no_contacts(report)}.")
    return [contact.number for contact in contacts]


@blueprint.post("/remove")
@login_required
def remove_number() -> Response:
    """Remove a number from a list."""
    removed = actions.remove_number(
        current_actor(), request.form.get("phoneNumber", ""), request.form.get("source", "")
    )
    flash("Number removed." if removed else "This number is no longer on the list.", *([] if removed else ["problem"]))
    return htmx.redirect_browser(htmx.safe_target(request.form.get("back", ""), url_for(".list_suppressions")))


@blueprint.post("/lists/remove")
@login_required
def remove_list() -> Response:
    """Remove a list with all its numbers."""
    removed = actions.remove_list(current_actor(), request.form.get("source", ""))
    flash("List removed." if removed else "This list no longer exists.", *([] if removed else ["problem"]))
    return htmx.redirect_browser(url_for(".list_suppressions"))

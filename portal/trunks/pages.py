"""The pages of trunks and caller numbers, below Settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.current_user import current_actor
from portal.dialing.dialers.actions import start_test_call
from portal.dialing.dialers.query import list_dialers
from portal.ids import parse_id
from portal.models import CallerNumber, Trunk, TrunkKind
from portal.models.actor import Actor
from portal.suppressions.presenter import describe_outdated
from portal.suppressions.query import find_outdated_lists
from portal.times import UTC
from portal.trunks import actions, query
from portal.trunks.actions import ChangeRefused
from portal.trunks.parameters import (
    CallerNumberChanges,
    NewCallerNumber,
    NewTrunk,
    SettingsPageParameters,
    TestCall,
    TrunkChanges,
    TrunkForm,
    read_trunk_form,
)
from portal.trunks.presenter import caller_number_view, trunk_form_values, trunk_view
from portal.web import htmx
from portal.web.clock import request_clock
from portal.web.pagination import fetch_existing_page
from portal.web.parameters import InvalidParameter, parse_fields, parse_form, parse_query
from portal.web.rendering import render

blueprint = Blueprint("trunks", __name__, url_prefix="/settings")


def apply_to_row(change: Callable[[Actor, str], bool], row_id: str, result: str, address: str) -> AnyResponse:
    """Apply a change to a row, report the result, and redirect. Aborts with 404 for an unknown row."""
    try:
        if not change(current_actor(), parse_id(row_id) or ""):
            abort(404)
        flash(result)
    except ChangeRefused as refusal:
        flash(f"{refusal}.", "problem")
    return htmx.redirect_browser(address)


# --- trunks -----------------------------------------------------------------------------------------------------------


@blueprint.get("/trunks")
@login_required
def list_trunks() -> AnyResponse:
    """Show the trunks, and what keeps calls from being placed or makes them risky."""
    now = request_clock().now
    parsed = parse_query(request.query_string, SettingsPageParameters, ignore_unknown=True)
    parameters, page = fetch_existing_page(
        parsed, lambda parameters: query.fetch_trunks(current_user.key, parameters.page, parameters.limit)
    )
    return render(
        "trunks/trunks.html",
        "trunks/_trunks.html",
        problems=parsed.problems,
        parameters=parameters,
        page=page,
        trunks=[trunk_view(row, now) for row in page.rows],
        has_dialer=not page.rows or bool(list_dialers(now)),
        outdated_lists=describe_outdated(find_outdated_lists(current_user.key, now)),
    )


@blueprint.get("/trunks/new")
@login_required
def new_trunk() -> Response:
    """Show the form of a new trunk."""
    return render_trunk_form({}, {})


def render_trunk_form(values: Mapping[str, Any], problems: dict[str, str], trunk: Trunk | None = None) -> Response:
    """Render the form with problems beside their fields; `trunk` None = a new one."""
    defaults = {info.alias or name: info.default for name, info in TrunkForm.model_fields.items()}
    shown = defaults | {"name": "", "kind": TrunkKind.SIMULATOR} | dict(values)
    test_number = request.form.get("phoneNumber", "")
    return render(
        "trunks/trunk.html",
        values=shown,
        problems=problems,
        trunk=trunk,
        kinds=tuple(TrunkKind),
        test_number=test_number,
    )


@blueprint.post("/trunks/new")
@login_required
def add_trunk() -> AnyResponse:
    """Create a trunk."""
    parsed = read_trunk_form(request.form)
    try:
        name = parsed.or_refuse().name
        actions.add_trunk(current_actor(), NewTrunk(**parsed.values.values()))
    except InvalidParameter as error:
        return render_trunk_form(request.form, error.problems)
    except ChangeRefused as refusal:
        return render_trunk_form(request.form, {"form": str(refusal)})
    flash(f"Trunk “{name}” created.")
    return htmx.redirect_browser(url_for(".list_trunks"))


def trunk_or_404(trunk_id: str) -> Trunk:
    """Return the user's trunk of that id, or abort with 404."""
    return query.find_trunk(current_user.key, parse_id(trunk_id) or "") or abort(404)


@blueprint.get("/trunks/<trunk_id>")
@login_required
def edit_trunk(trunk_id: str) -> Response:
    """Show the form that changes a trunk."""
    trunk = trunk_or_404(trunk_id)
    return render_trunk_form(trunk_form_values(trunk), {}, trunk)


@blueprint.post("/trunks/<trunk_id>")
@login_required
def change_trunk(trunk_id: str) -> AnyResponse:
    """Change a trunk."""
    trunk = trunk_or_404(trunk_id)
    parsed = read_trunk_form(request.form)
    try:
        changes = TrunkChanges(**parsed.or_refuse().values())
        if not actions.change_trunk(current_actor(), trunk.id, changes):
            abort(404)
    except InvalidParameter as error:
        return render_trunk_form(request.form, error.problems, trunk_or_404(trunk_id))
    flash("Saved.")
    return htmx.redirect_browser(url_for(".list_trunks"))


@blueprint.post("/trunks/<trunk_id>/test-call")
@login_required
def place_test_call(trunk_id: str) -> AnyResponse:
    """Start a test call over a trunk, and show its batch, where the result appears."""
    trunk = trunk_or_404(trunk_id)
    given = {"phoneNumber": request.form.get("phoneNumber", "")}
    try:
        number = parse_fields(given, TestCall, UTC, {}, current_user.region).or_refuse().phone_number
        batch_id = start_test_call(current_actor(), trunk, number)
    except InvalidParameter as error:
        return render_trunk_form(trunk_form_values(trunk), error.problems, trunk)
    except ChangeRefused as refusal:
        return render_trunk_form(trunk_form_values(trunk), {"phoneNumber": str(refusal)}, trunk)
    is_real = TrunkKind(trunk.kind).is_remote
    flash("Test call started." if is_real else "Test call started. The trunk is a simulator: no one is called.")
    return htmx.redirect_browser(url_for("batches.show_batch", batch_id=batch_id))


@blueprint.post("/trunks/<trunk_id>/hold")
@login_required
def hold_trunk(trunk_id: str) -> AnyResponse:
    """Stop placing calls over a trunk."""
    return set_held(trunk_id, TrunkChanges(held=True), "Trunk held. No call is placed over it.")


@blueprint.post("/trunks/<trunk_id>/release")
@login_required
def release_trunk(trunk_id: str) -> AnyResponse:
    """Allow calls over a trunk again."""
    return set_held(trunk_id, TrunkChanges(held=False), "Trunk released.")


def set_held(trunk_id: str, changes: TrunkChanges, result: str) -> AnyResponse:
    """Apply the change, and return to the list."""
    return apply_to_row(
        lambda by, row_id: actions.change_trunk(by, row_id, changes), trunk_id, result, url_for(".list_trunks")
    )


@blueprint.post("/trunks/<trunk_id>/remove")
@login_required
def remove_trunk(trunk_id: str) -> AnyResponse:
    """Remove a trunk."""
    return apply_to_row(actions.remove_trunk, trunk_id, "Trunk removed.", url_for(".list_trunks"))


# --- caller numbers ---------------------------------------------------------------------------------------------------


@blueprint.get("/caller-numbers")
@login_required
def list_caller_numbers() -> AnyResponse:
    """Show the caller numbers and the form that adds one."""
    return show_caller_numbers({})


def show_caller_numbers(form_problems: dict[str, str]) -> AnyResponse:
    """Return the list, with the problems of the form beside their fields."""
    parsed = parse_query(request.query_string, SettingsPageParameters, ignore_unknown=True)
    parameters, page = fetch_existing_page(
        parsed, lambda parameters: query.fetch_caller_numbers(current_user.key, parameters.page, parameters.limit)
    )
    return render(
        "trunks/caller_numbers.html",
        "trunks/_caller_numbers.html",
        status=400 if form_problems else None,
        problems=parsed.problems,
        form_problems=form_problems,
        form=request.form,
        parameters=parameters,
        page=page,
        numbers=[caller_number_view(row, current_user.region) for row in page.rows],
        trunks=query.list_trunks(current_user.key),
    )


@blueprint.post("/caller-numbers")
@login_required
def add_caller_number() -> AnyResponse:
    """Add a caller number."""
    given = {name: request.form.get(name, "") for name in ("phoneNumber", "label", "trunkId")}
    try:
        fields = parse_fields(given, NewCallerNumber, UTC, {}, current_user.region).or_refuse()
        actions.add_caller_number(current_actor(), fields)
    except InvalidParameter as error:
        return show_caller_numbers(error.problems)
    except ChangeRefused as refusal:
        return show_caller_numbers({"phoneNumber": str(refusal)})
    flash("Caller number added.")
    return htmx.redirect_browser(url_for(".list_caller_numbers"))


def caller_number_or_404(number_id: str) -> CallerNumber:
    """Return the user's caller number of that id, or abort with 404."""
    return query.find_caller_number(current_user.key, parse_id(number_id) or "") or abort(404)


@blueprint.get("/caller-numbers/<number_id>")
@login_required
def edit_caller_number(number_id: str) -> Response:
    """Show the form that changes a caller number."""
    return render_number_form(number_id, {})


def render_number_form(number_id: str, problems: dict[str, str]) -> Response:
    """Render the form with problems beside their fields."""
    number = caller_number_or_404(number_id)
    (row,) = query.list_caller_numbers(current_user.key, [number.phone_number])
    return render(
        "trunks/caller_number.html",
        number=caller_number_view(row, current_user.region),
        form=request.form,
        problems=problems,
        trunks=query.list_trunks(current_user.key),
    )


@blueprint.post("/caller-numbers/<number_id>")
@login_required
def change_caller_number(number_id: str) -> AnyResponse:
    """Change the label and the trunk of a caller number."""
    number = caller_number_or_404(number_id)
    try:
        changes = parse_form(request.form, CallerNumberChanges).or_refuse()
        if not actions.change_caller_number(current_actor(), number.id, changes):
            abort(404)
    except InvalidParameter as error:
        return render_number_form(number_id, error.problems)
    except ChangeRefused as refusal:
        return render_number_form(number_id, {"trunkId": str(refusal)})
    flash("Saved.")
    return htmx.redirect_browser(url_for(".list_caller_numbers"))


@blueprint.post("/caller-numbers/<number_id>/remove")
@login_required
def remove_caller_number(number_id: str) -> AnyResponse:
    """Remove a caller number."""
    return apply_to_row(
        actions.remove_caller_number, number_id, "Caller number removed.", url_for(".list_caller_numbers")
    )

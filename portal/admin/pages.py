"""The admins' pages of accounts: the list, a new one, and one account with what can be done to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts.current_user import current_actor
from portal.admin import actions, query
from portal.admin.access import require_admin
from portal.admin.actions import AdminActionRefused
from portal.admin.parameters import AddUserForm, Role, RoleForm, SetPasswordForm, UserListParameters
from portal.admin.presenter import announce_users, user_filter_chips, user_view
from portal.audit import query as trail
from portal.audit.presenter import audit_entry_view
from portal.contacts.phone_numbers import list_regions
from portal.ids import new_readable_secret, parse_id
from portal.models.actor import Actor
from portal.times import list_zones
from portal.web import htmx
from portal.web.clock import request_clock
from portal.web.pagination import fetch_existing_page
from portal.web.parameters import InvalidParameter, parse_form, parse_query
from portal.web.rendering import render

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
blueprint.before_request(require_admin)


@blueprint.get("")
def home() -> AnyResponse:
    """The admins' first page."""
    return redirect(url_for(".list_users"))


@blueprint.get("/users")
def list_users() -> AnyResponse:
    """The accounts; as a fragment, everything below the search box."""
    parsed = parse_query(request.query_string, UserListParameters, ignore_unknown=True)
    asked, page = fetch_existing_page(parsed, query.fetch_page)
    return render(
        "admin/users.html",
        "admin/_users.html",
        status=400 if parsed.problems else 200,
        problems=list(parsed.problems.values()),
        asked=asked,
        page=page,
        users=[user_view(row) for row in page.rows],
        chips=user_filter_chips(asked, page.counts),
        announcement=announce_users(page),
    )


# --- a new one --------------------------------------------------------------------------------------------------------


@blueprint.get("/users/new")
def new_user() -> Response:
    """A form for a new account."""
    return show_new_user({})


def show_new_user(problems: dict[str, str]) -> Response:
    """The form, with what was refused beside its field."""
    return render(
        "admin/new.html",
        status=400 if problems else 200,
        problems=problems,
        form=request.form,
        zones=list_zones(),
        regions=list_regions(),
    )


@blueprint.post("/users/new")
def add_user() -> AnyResponse:
    """Add an account; a password that is made up is shown, this once."""
    reading = parse_form(read_new_user(), AddUserForm)
    if reading.problems:
        return show_new_user(reading.problems)
    form = reading.values
    password = form.password or new_readable_secret()
    try:
        added = actions.add_user(
            form.email,
            form.name,
            form.zone,
            password,
            form.region,
            is_admin=form.role is Role.ADMIN,
            by=current_actor(),
        )
    except InvalidParameter as taken:
        return show_new_user(taken.problems)
    except AdminActionRefused as refusal:
        return redirect_with_error(refusal, url_for(".list_users"))
    if not form.password:
        return show_user(added.id, made=password)
    flash(f"{added.email} is added.")
    return htmx.redirect_browser(url_for(".user", user_id=added.id))


def read_new_user() -> dict[str, str]:
    """The form, without a password that was left empty."""
    return {name: value for name, value in request.form.items() if value or name != "password"}


def redirect_with_error(refusal: AdminActionRefused, address: str) -> AnyResponse:
    """Say why it was not done; there, or among what everybody may see, where the reader is no admin any more."""
    flash(f"{refusal}.", "problem")
    return htmx.redirect_browser(url_for("batches.list_batches") if str(refusal) == actions.NOT_AN_ADMIN else address)


# --- one of them ------------------------------------------------------------------------------------------------------


@blueprint.get("/users/<user_id>")
def user(user_id: str) -> Response:
    """One account, what was done to it lately, and what can be done."""
    return show_user(user_id)


def show_user(user_id: str, *, made: str = "", problems: dict[str, str] | None = None) -> Response:
    """The account's page; with a password that was just made up, or with what was refused."""
    row = user_or_404(user_id)
    return render(
        "admin/user.html",
        status=400 if problems else 200,
        user=user_view(row),
        oneself=row.key == current_user.key,
        tokens=query.count_active_tokens(row.key, request_clock().now),
        entries=[audit_entry_view(entry) for entry in trail.recent_account_events(row.key)],
        made=made,
        problems=problems or {},
    )


def user_or_404(user_id: str) -> Any:
    """The account of that id."""
    known = parse_id(user_id)
    found = query.find_user(known) if known else None
    return found if found is not None else abort(404)


@blueprint.post("/users/<user_id>/disable")
def disable_user(user_id: str) -> AnyResponse:
    """Shut the account."""
    return apply_action(
        user_id, actions.disable_user, "{} is disabled: signed out everywhere, and every token stopped."
    )


@blueprint.post("/users/<user_id>/enable")
def enable_user(user_id: str) -> AnyResponse:
    """Open the account again."""
    return apply_action(user_id, actions.enable_user, "{} may sign in again.")


@blueprint.post("/users/<user_id>/role")
def set_role(user_id: str) -> AnyResponse:
    """Make a user an admin, or an admin a user."""
    is_admin = parse_form(request.form, RoleForm).or_refuse().role is Role.ADMIN
    words = "{} is an admin now." if is_admin else "{} is no admin any more."
    return apply_action(user_id, lambda key, by: actions.set_role(key, is_admin=is_admin, by=by), words)


@blueprint.post("/users/<user_id>/second-factor-off")
def turn_off_second_factor(user_id: str) -> AnyResponse:
    """For whoever has lost theirs."""
    return apply_action(user_id, actions.turn_off_second_factor, "The second factor of {} is off.")


@blueprint.post("/users/<user_id>/end-sessions")
def end_sessions(user_id: str) -> AnyResponse:
    """Sign the account out of every browser."""
    return apply_action(user_id, actions.end_sessions, "{} is signed out everywhere.")


def apply_action(user_id: str, action: Callable[[int, Actor], bool | None], words: str) -> AnyResponse:
    """Do it to the account and say so; an action that returns False found it done already."""
    row = user_or_404(user_id)
    address = url_for(".user", user_id=row.id)
    try:
        changed = action(row.key, current_actor())
    except AdminActionRefused as refusal:
        return redirect_with_error(refusal, address)
    flash(words.format(row.email) if changed is not False else "It was done already.")
    return htmx.redirect_browser(address)


@blueprint.post("/users/<user_id>/password")
def set_password(user_id: str) -> AnyResponse:
    """Give the account a new password; one that is made up is shown, this once."""
    row = user_or_404(user_id)
    reading = parse_form(read_new_user() | {"email": row.email, "name": row.name}, SetPasswordForm)
    if reading.problems:
        return show_user(row.id, problems=reading.problems)
    given = reading.values.password
    password = given or new_readable_secret()
    try:
        actions.set_password(row.key, password, current_actor())
    except AdminActionRefused as refusal:
        return redirect_with_error(refusal, url_for(".user", user_id=row.id))
    if not given:
        return show_user(row.id, made=password)
    flash(f"{row.email} has a new password, and is signed out everywhere.")
    return htmx.redirect_browser(url_for(".user", user_id=row.id))

"""The admins' pages of accounts: the list, a new one, and one account with what can be done to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal import hypermedia
from portal.accounts.current_user import me
from portal.admin import actions, query
from portal.admin.access import admins_only
from portal.admin.actions import Refused
from portal.admin.parameters import AddedUser, GivenPassword, Role, RoleForm, UserListParameters
from portal.admin.presenter import announcement, kind_chips, user_view
from portal.changes.actor import Actor
from portal.clock import clock
from portal.contacts.numbers import regions
from portal.ids import new_readable, parse_id
from portal.pages import render
from portal.parameters import BadParameter, Reading, read_form, read_query
from portal.times import zone_names
from portal.trail import query as trail
from portal.trail.presenter import entry_view

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
blueprint.before_request(admins_only)


@blueprint.get("")
def home() -> AnyResponse:
    """The admins' first page."""
    return redirect(url_for(".list_users"))


@blueprint.get("/users")
def list_users() -> AnyResponse:
    """The accounts; as a fragment, everything below the search box."""
    return show_list(read_query(request.query_string, UserListParameters, ignore_unknown=True))


def show_list(reading: Reading[UserListParameters]) -> AnyResponse:
    """The page that was asked for, or the way to the last one where it lies past the end."""
    asked = reading.values
    page, counts = query.fetch_page(asked)
    if page.past_end:
        last = asked.model_copy(update={"page": page.total_pages or 1})
        if reading.problems:  # a redirect would lose what is to be said of them
            return show_list(Reading(last, reading.problems))
        return redirect(url_for(".list_users") + last.query())
    return render(
        "admin/users.html",
        "admin/_users.html",
        status=400 if reading.problems else 200,
        problems=list(reading.problems.values()),
        asked=asked,
        page=page,
        users=[user_view(row) for row in page.rows],
        chips=kind_chips(asked, counts),
        announcement=announcement(page),
    )


# --- a new one --------------------------------------------------------------------------------------------------------


@blueprint.get("/users/new")
def new_user() -> Response:
    """A form for a new account."""
    return show_new({})


def show_new(problems: dict[str, str]) -> Response:
    """The form, with what was refused beside its field."""
    return render(
        "admin/new.html",
        status=400 if problems else 200,
        problems=problems,
        form=request.form,
        zones=zone_names(),
        regions=regions(),
    )


@blueprint.post("/users/new")
def add_user() -> AnyResponse:
    """Add an account; a password that is made up is shown, this once."""
    reading = read_form(typed(), AddedUser)
    if reading.problems:
        return show_new(reading.problems)
    form = reading.values
    password = form.password or new_readable()
    try:
        added = actions.add_user(
            form.email, form.name, form.zone, password, form.region, is_admin=form.role is Role.ADMIN, by=me()
        )
    except BadParameter as taken:
        return show_new(taken.problems)
    except Refused as refusal:
        return told(refusal, url_for(".list_users"))
    if not form.password:
        return show_user(added.id, made=password)
    flash(f"{added.email} is added.")
    return hypermedia.send_to(url_for(".user", user_id=added.id))


def typed() -> dict[str, str]:
    """The form, without a password that was left empty."""
    return {name: value for name, value in request.form.items() if value or name != "password"}


def told(refusal: Refused, address: str) -> AnyResponse:
    """Say why it was not done; there, or among what everybody may see, where the reader is no admin any more."""
    flash(f"{refusal}.", "problem")
    return hypermedia.send_to(url_for("batches.list_batches") if str(refusal) == actions.NO_LONGER else address)


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
        tokens=query.live_tokens(row.key, clock().now),
        entries=[entry_view(entry) for entry in trail.events_of(row.key)],
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
    return do(user_id, actions.disable_user, "{} is disabled: signed out everywhere, and every token stopped.")


@blueprint.post("/users/<user_id>/enable")
def enable_user(user_id: str) -> AnyResponse:
    """Open the account again."""
    return do(user_id, actions.enable_user, "{} may sign in again.")


@blueprint.post("/users/<user_id>/role")
def set_role(user_id: str) -> AnyResponse:
    """Make a user an admin, or an admin a user."""
    is_admin = read_form(request.form, RoleForm).or_refuse().role is Role.ADMIN
    words = "{} is an admin now." if is_admin else "{} is no admin any more."
    return do(user_id, lambda key, by: actions.set_role(key, is_admin=is_admin, by=by), words)


@blueprint.post("/users/<user_id>/second-factor-off")
def turn_off_second_factor(user_id: str) -> AnyResponse:
    """For whoever has lost theirs."""
    return do(user_id, actions.turn_off_second_factor, "The second factor of {} is off.")


@blueprint.post("/users/<user_id>/end-sessions")
def end_sessions(user_id: str) -> AnyResponse:
    """Sign the account out of every browser."""
    return do(user_id, actions.end_sessions, "{} is signed out everywhere.")


def do(user_id: str, action: Callable[[int, Actor], bool | None], words: str) -> AnyResponse:
    """Do it to the account and say so; an action that returns False found it done already."""
    row = user_or_404(user_id)
    address = url_for(".user", user_id=row.id)
    try:
        changed = action(row.key, me())
    except Refused as refusal:
        return told(refusal, address)
    flash(words.format(row.email) if changed is not False else "It was done already.")
    return hypermedia.send_to(address)


@blueprint.post("/users/<user_id>/password")
def set_password(user_id: str) -> AnyResponse:
    """Give the account a new password; one that is made up is shown, this once."""
    row = user_or_404(user_id)
    reading = read_form(typed() | {"email": row.email, "name": row.name}, GivenPassword)
    if reading.problems:
        return show_user(row.id, problems=reading.problems)
    given = reading.values.password
    password = given or new_readable()
    try:
        actions.set_password(row.key, password, me())
    except Refused as refusal:
        return told(refusal, url_for(".user", user_id=row.id))
    if not given:
        return show_user(row.id, made=password)
    flash(f"{row.email} has a new password, and is signed out everywhere.")
    return hypermedia.send_to(url_for(".user", user_id=row.id))

"""The admin pages of accounts: the list, the form for a new user, and one user with the actions on them."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, abort, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import identity_query
from portal.accounts import query as accounts_query
from portal.accounts.current_user import current_actor
from portal.accounts.presenter import link_view, token_view
from portal.admin import actions, query
from portal.admin.access import require_admin
from portal.admin.actions import AdminActionRefused
from portal.admin.parameters import AddUserForm, Role, SetPasswordForm, UserListParameters
from portal.admin.presenter import announce_users, user_filter_chips, user_view
from portal.admin.user_actions import SECTIONS, USER_ACTIONS, actions_of, available_actions
from portal.audit import query as audit_query
from portal.audit.presenter import audit_entry_view
from portal.ids import new_readable_secret, parse_id
from portal.web import htmx
from portal.web.clock import request_clock
from portal.web.pagination import fetch_existing_page
from portal.web.parameters import InvalidParameter, parse_form, parse_query
from portal.web.rendering import render

blueprint = Blueprint("admin", __name__, url_prefix="/admin")
blueprint.before_request(require_admin)


@blueprint.get("")
def home() -> AnyResponse:
    """Redirect to the list of users."""
    return redirect(url_for(".list_users"))


@blueprint.get("/users")
def list_users() -> AnyResponse:
    """Return the list of users; to htmx, only the part below the search box."""
    parsed = parse_query(request.query_string, UserListParameters, ignore_unknown=True)
    parameters, page = fetch_existing_page(parsed, query.fetch_page)
    return render(
        "admin/users.html",
        "admin/_users.html",
        problems=parsed.problems,
        parameters=parameters,
        page=page,
        users=[user_view(row) for row in page.rows],
        chips=user_filter_chips(parameters, page.counts),
        announcement=announce_users(page),
    )


# --- new users --------------------------------------------------------------------------------------------------------


@blueprint.get("/users/new")
def new_user() -> Response:
    """Return the form for a new user."""
    return show_new_user({})


def show_new_user(problems: dict[str, str]) -> Response:
    """Return the form with each problem beside its field."""
    return render(
        "admin/new.html",
        problems=problems,
        form=request.form,
        roles=tuple(Role),
    )


@blueprint.post("/users/new")
def add_user() -> AnyResponse:
    """Create an account. A generated password is shown once."""
    parsed = parse_form(read_password_form(), AddUserForm)
    if parsed.problems:
        return show_new_user(parsed.problems)
    form = parsed.values
    password = form.password or new_readable_secret()
    is_admin = form.role is Role.ADMIN
    try:
        user = actions.add_user(
            form.email, form.name, form.zone, password, form.region, is_admin=is_admin, by=current_actor()
        )
    except InvalidParameter as error:
        return show_new_user(error.problems)
    except AdminActionRefused as refusal:
        return redirect_with_error(refusal, url_for(".list_users"))
    if not form.password:
        return show_user(query.find_user(user.id), new_password=password)
    flash(f"{user.email} created.")
    return htmx.redirect_browser(url_for(".user", user_id=user.id))


def read_password_form() -> dict[str, str]:
    """Return the form's fields, without an empty password."""
    return {name: value for name, value in request.form.items() if value or name != "password"}


def redirect_with_error(refusal: AdminActionRefused, address: str) -> AnyResponse:
    """Show why an action was refused: at `address`, or on the list of batches to a user who is no longer an admin."""
    flash(f"{refusal}.", "problem")
    return htmx.redirect_browser(url_for("batches.list_batches") if str(refusal) == actions.NOT_AN_ADMIN else address)


# --- one user ---------------------------------------------------------------------------------------------------------


@blueprint.get("/users/<user_id>")
def user(user_id: str) -> Response:
    """Return one account with its recent activity and the available actions."""
    return show_user(user_or_404(user_id))


def show_user(row: Any, *, new_password: str = "", problems: dict[str, str] | None = None) -> Response:
    """Return the account's page, with a generated password or the problems of the password form."""
    view = user_view(row)
    return render(
        "admin/user.html",
        user=view,
        is_own_account=row.key == current_user.key,
        tokens=[token_view(token, request_clock().now) for token in accounts_query.list_tokens(row.key)],
        links=[link_view(link) for link in identity_query.list_identities(row.key)],
        entries=[audit_entry_view(entry) for entry in audit_query.recent_account_events(row.key)],
        sections=SECTIONS,
        actions=available_actions(view),
        new_password=new_password,
        problems=problems or {},
    )


def user_or_404(user_id: str) -> Any:
    """Return the account of that id, or abort with 404."""
    parsed = parse_id(user_id)
    return (query.find_user(parsed) if parsed else None) or abort(404)


def apply_action(user_id: str, path: str) -> AnyResponse:
    """Apply the action with that path, and flash its result. Raises InvalidParameter for an unknown choice."""
    choices = actions_of(path)
    action = choices.get(request.form.get(path, ""))
    if action is None:
        raise InvalidParameter({path: f"{path} must be one of {', '.join(choices)}"})
    row = user_or_404(user_id)
    address = url_for(".user", user_id=row.id)
    try:
        changed = action.apply(row.key, by=current_actor())
    except AdminActionRefused as refusal:
        return redirect_with_error(refusal, address)
    flash(action.result.format(email=row.email) if changed else "No change needed.")
    return htmx.redirect_browser(address)


for action_path, endpoint in {action.path: action.endpoint for action in USER_ACTIONS}.items():
    blueprint.add_url_rule(
        f"/users/<user_id>/{action_path}", endpoint, apply_action, defaults={"path": action_path}, methods=["POST"]
    )


@blueprint.post("/users/<user_id>/tokens/<token_id>/revoke")
def revoke_token(user_id: str, token_id: str) -> AnyResponse:
    """Revoke one token of the account."""
    row = user_or_404(user_id)
    address = url_for(".user", user_id=row.id)
    parsed = parse_id(token_id)
    try:
        changed = parsed is not None and actions.revoke_token(row.key, parsed, current_actor())
    except AdminActionRefused as refusal:
        return redirect_with_error(refusal, address)
    flash("Token revoked. Programs that use it now get 401." if changed else "No change needed.")
    return htmx.redirect_browser(address)


@blueprint.post("/users/<user_id>/password")
def set_password(user_id: str) -> AnyResponse:
    """Set a new password. A generated password is shown once."""
    row = user_or_404(user_id)
    parsed = parse_form(read_password_form() | {"email": row.email, "name": row.name}, SetPasswordForm)
    if parsed.problems:
        return show_user(row, problems=parsed.problems)
    password = parsed.values.password or new_readable_secret()
    try:
        actions.set_password(row.key, password, current_actor())
    except AdminActionRefused as refusal:
        return redirect_with_error(refusal, url_for(".user", user_id=row.id))
    if not parsed.values.password:
        return show_user(row, new_password=password)
    flash(f"Password of {row.email} changed. All their sessions ended.")
    return htmx.redirect_browser(url_for(".user", user_id=row.id))

"""The account itself: name, time zone, region, password, where it is signed in."""

from __future__ import annotations

from flask import Response, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, query, throttle
from portal.accounts.current_user import current_actor, session_lifetimes
from portal.accounts.pages.blueprint import blueprint, start_browser_session
from portal.accounts.pages.signing_in import forget_browser_user
from portal.accounts.parameters import AccountForm, PasswordForm
from portal.accounts.passwords import NO_PASSWORD, verify_password
from portal.accounts.presenter import session_view
from portal.accounts.throttle import TooManyAttempts
from portal.audit import query as trail
from portal.audit.presenter import audit_entry_view
from portal.contacts.phone_numbers import list_regions
from portal.times import list_zones, now_ms
from portal.web import htmx
from portal.web.parameters import parse_form
from portal.web.rendering import render

KEYS_END = 1 << 63  # no key is larger, and neither database takes one


@blueprint.get("/settings/account")
@login_required
def account() -> Response:
    """Name, time zone, password, second factor, sessions."""
    return show_account({})


@blueprint.post("/settings/account")
@login_required
def change_account() -> AnyResponse:
    """Change name, time zone and region."""
    reading = parse_form(request.form, AccountForm)
    if reading.problems:
        return show_account(reading.problems)
    form = reading.values
    actions.change_account(current_user.key, form.name, form.zone, form.region, current_actor())
    flash("Saved.")
    return htmx.redirect_browser(url_for(".account"))


@blueprint.post("/settings/password")
@login_required
def change_password() -> AnyResponse:
    """Change the password: every other session of the account ends, this one goes on under a new id."""
    given = request.form.to_dict() | {"email": current_user.email, "name": current_user.name}
    reading = parse_form(given, PasswordForm)
    problems = dict(reading.problems)
    if wrong := check_current_password(request.form.get("current", "")):
        problems["current"] = wrong
    if problems:
        return show_account(problems)
    start_browser_session(
        actions.change_password(current_user.key, reading.values.password, current_actor()), "new password"
    )
    flash("The password is changed. Every other session of this account is signed out.")
    return htmx.redirect_browser(url_for(".account"))


def check_current_password(given: str) -> str:
    """What is wrong with the present password that was given; "" when it fits. Whoever has found an open screen
    cannot try for ever."""
    try:
        throttle.count_attempt("present", current_user.id, "SIGN_IN_TRIES")
    except TooManyAttempts as many:
        return f"current password was tried too often; wait {-(-many.seconds // 60)} min"
    if not verify_password(given, current_user.password_hash):
        return "current password does not fit"
    throttle.clear_attempts("present", current_user.id)
    return ""


@blueprint.post("/settings/sessions/<int:key>/end")
@login_required
def end_session(key: int) -> AnyResponse:
    """End one session of the account. Done already or never there: the list shows what is true."""
    if key < KEYS_END and actions.end_session(current_user.key, key, current_actor()):
        flash("That session is ended.")
    return htmx.redirect_browser(url_for(".account"))


@blueprint.post("/settings/sign-out-everywhere")
@login_required
def sign_out_everywhere() -> AnyResponse:
    """End every session of the account, this one too."""
    actions.sign_out_everywhere(current_user.key, current_actor())
    return forget_browser_user()


def show_account(problems: dict[str, str]) -> Response:
    """The account page, with what was refused beside its field."""
    lasting = query.list_sessions(current_user.key, session_lifetimes(), now_ms())
    return render(
        "accounts/account.html",
        status=400 if problems else 200,
        problems=problems,
        form=request.form,
        zones=list_zones(),
        regions=list_regions(),
        lifetimes=session_lifetimes(),
        sessions=[session_view(row, current_user.session_key) for row in lasting],
        has_password=current_user.password_hash != NO_PASSWORD,
        has_second_factor=current_user.has_second_factor,
        entries=[audit_entry_view(row) for row in trail.recent_account_events(current_user.key)],
    )

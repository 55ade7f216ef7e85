"""The account itself: name, time zone, region, password, where it is signed in."""

from __future__ import annotations

from flask import Response, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal import hypermedia
from portal.accounts import actions, query, throttle
from portal.accounts.current_user import lifetimes, me
from portal.accounts.pages.blueprint import blueprint, start_session
from portal.accounts.pages.signing_in import leave
from portal.accounts.parameters import AccountForm, PasswordForm
from portal.accounts.passwords import NO_PASSWORD, password_fits
from portal.accounts.presenter import session_view
from portal.accounts.throttle import TooManyTries
from portal.contacts.numbers import regions
from portal.pages import render
from portal.parameters import read_form
from portal.times import now_ms, zone_names
from portal.trail import query as trail
from portal.trail.presenter import entry_view

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
    reading = read_form(request.form, AccountForm)
    if reading.problems:
        return show_account(reading.problems)
    form = reading.values
    actions.change_account(current_user.key, form.name, form.zone, form.region, me())
    flash("Saved.")
    return hypermedia.send_to(url_for(".account"))


@blueprint.post("/settings/password")
@login_required
def change_password() -> AnyResponse:
    """Change the password: every other session of the account ends, this one goes on under a new id."""
    given = request.form.to_dict() | {"email": current_user.email, "name": current_user.name}
    reading = read_form(given, PasswordForm)
    problems = dict(reading.problems)
    if wrong := password_problem(request.form.get("current", "")):
        problems["current"] = wrong
    if problems:
        return show_account(problems)
    start_session(actions.change_password(current_user.key, reading.values.password, me()), "new password")
    flash("The password is changed. Every other session of this account is signed out.")
    return hypermedia.send_to(url_for(".account"))


def password_problem(given: str) -> str:
    """What is wrong with the present password that was given; "" when it fits. Whoever has found an open screen
    cannot try for ever."""
    try:
        throttle.count_try("present", current_user.id, "SIGN_IN_TRIES")
    except TooManyTries as many:
        return f"current password was tried too often; wait {-(-many.seconds // 60)} min"
    if not password_fits(given, current_user.password_hash):
        return "current password does not fit"
    throttle.forget_tries("present", current_user.id)
    return ""


@blueprint.post("/settings/sessions/<int:key>/end")
@login_required
def end_session(key: int) -> AnyResponse:
    """End one session of the account. Done already or never there: the list shows what is true."""
    if key < KEYS_END and actions.end_session(current_user.key, key, me()):
        flash("That session is ended.")
    return hypermedia.send_to(url_for(".account"))


@blueprint.post("/settings/sign-out-everywhere")
@login_required
def sign_out_everywhere() -> AnyResponse:
    """End every session of the account, this one too."""
    actions.sign_out_everywhere(current_user.key, me())
    return leave()


def show_account(problems: dict[str, str]) -> Response:
    """The account page, with what was refused beside its field."""
    lasting = query.sessions_of(current_user.key, lifetimes(), now_ms())
    return render(
        "accounts/account.html",
        status=400 if problems else 200,
        problems=problems,
        form=request.form,
        zones=zone_names(),
        regions=regions(),
        lifetimes=lifetimes(),
        sessions=[session_view(row, current_user.session_key) for row in lasting],
        has_password=current_user.password_hash != NO_PASSWORD,
        has_second_factor=current_user.has_second_factor,
        entries=[entry_view(row) for row in trail.events_of(current_user.key)],
    )

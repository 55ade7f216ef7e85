"""The browser's exit for accounts: signing in and out, tokens, the account itself."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, flash, g, request, session, url_for
from flask_login import current_user, login_required, login_user, logout_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from portal import hypermedia
from portal.accounts import actions, query
from portal.accounts.parameters import AccountForm, PasswordForm, SignIn, SignInAddress, TokenForm
from portal.accounts.passwords import password_fits
from portal.accounts.presenter import reader_view, token_view
from portal.contacts.numbers import regions
from portal.extensions import login_manager
from portal.models import User
from portal.pages import render
from portal.parameters import Reading, read_form, read_query
from portal.running import metrics
from portal.text import parse_id
from portal.times import now_ms, zone_names

blueprint = Blueprint("accounts", __name__)

login_manager.user_loader(query.find_session_user)


@login_manager.unauthorized_handler
def signed_out() -> AnyResponse:
    """To the sign-in page, and afterwards back; htmx is led there whole, never with a form inside the table."""
    return hypermedia.send_to(url_for("accounts.sign_in", next=hypermedia.shown_address()), 401)


@blueprint.app_context_processor
def reader() -> dict[str, object]:
    """What every page shows of whoever reads it: nothing where nobody is signed in, or the database cannot tell."""
    try:
        return {"reader": reader_view(current_user._get_current_object()) if current_user.is_authenticated else None}
    except SQLAlchemyError:
        return {"reader": None}


@blueprint.get("/login")
def sign_in() -> AnyResponse:
    """The sign-in form."""
    target = next_target()
    return hypermedia.send_to(target) if current_user.is_authenticated else show_sign_in(target)


@blueprint.post("/login")
def sign_in_submitted() -> AnyResponse:
    """Sign in, and back to the page first asked for. One message for every way of not fitting."""
    form = read_form(request.form, SignIn).values
    user = query.find_user_by_email(form.email)
    usable = user if user and user.is_active else None
    if not password_fits(form.password, usable.password_hash if usable else None) or usable is None:
        metrics.sign_ins_refused.labels("password").inc()
        return show_sign_in(next_target(), email=form.email, status=401)
    start_session(usable)
    return hypermedia.send_to(next_target())


def start_session(user: User) -> None:
    """A session of the user, with nothing left in it of whoever was here before."""
    session.clear()
    g.pop("csrf_token", None)
    login_user(user)
    session.permanent = True


def next_target() -> str:
    """Where to go after signing in."""
    address = read_query(request.query_string, SignInAddress, ignore_unknown=True).values
    return hypermedia.safe_target(address.next, url_for("batches.list_batches"))


def show_sign_in(target: str, email: str = "", status: int = 200) -> Response:
    """The sign-in page; with status 401 it says that the two did not fit."""
    failed = status == 401
    return render("accounts/sign_in.html", status=status, target=target, email=email, failed=failed)


@blueprint.post("/logout")
def sign_out() -> AnyResponse:
    """End this session."""
    logout_user()
    session.clear()
    return hypermedia.send_to(url_for(".sign_in"))


@blueprint.get("/settings/tokens")
@login_required
def tokens() -> Response:
    """The account's tokens and a form for a new one."""
    return show_tokens()


@blueprint.post("/settings/tokens")
@login_required
def add_token() -> Response:
    """Make a token and show it, this once: the answer is kept nowhere."""
    lists = {"scopes": request.form.getlist("scopes")}
    given = {name: value for name, value in request.form.items() if value}
    reading = read_form(given, TokenForm, lists)
    if reading.problems:
        return show_tokens(reading)
    form = reading.values
    token, text = actions.add_token(current_user.key, form.name, frozenset(form.scopes), form.days)
    return show_tokens(made=(token.name, text))


def show_tokens(reading: Reading[TokenForm] | None = None, made: tuple[str, str] | None = None) -> Response:
    """The tokens page; with a form that was refused, or with a token just made."""
    now = now_ms()
    return render(
        "accounts/tokens.html",
        status=400 if reading else 200,
        tokens=[token_view(token, now) for token in query.tokens_of(current_user.key)],
        problems=reading.problems if reading else {},
        form=request.form,
        made=made,
        list_address=url_for("batches_api.list_batches", user_id=current_user.id, _external=True),
    )


@blueprint.post("/settings/tokens/<token_id>/revoke")
@login_required
def revoke_token(token_id: str) -> AnyResponse:
    """The token stops at once. Done already or never there: the list shows what is true."""
    known = parse_id(token_id)
    if known and actions.revoke_token(current_user.key, known):
        flash("The token is revoked. Whatever used it gets 401 from now on.")
    return hypermedia.send_to(url_for(".tokens"))


@blueprint.get("/settings/account")
@login_required
def account() -> Response:
    """Name, time zone, password, sign out everywhere."""
    return show_account({})


@blueprint.post("/settings/account")
@login_required
def change_account() -> AnyResponse:
    """Change name, time zone and region."""
    reading = read_form(request.form, AccountForm)
    if reading.problems:
        return show_account(reading.problems)
    actions.change_account(current_user.key, reading.values.name, reading.values.zone, reading.values.region)
    flash("Saved.")
    return hypermedia.send_to(url_for(".account"))


@blueprint.post("/settings/password")
@login_required
def change_password() -> AnyResponse:
    """Change the password: every other session of the account ends, this one goes on."""
    reading = read_form(request.form, PasswordForm)
    problems = dict(reading.problems)
    if not password_fits(request.form.get("current", ""), current_user.password_hash):
        problems["current"] = "current password does not fit"
    if problems:
        return show_account(problems)
    start_session(actions.change_password(current_user.key, reading.values.password))
    flash("The password is changed. Every other session of this account is signed out.")
    return hypermedia.send_to(url_for(".account"))


@blueprint.post("/settings/sign-out-everywhere")
@login_required
def sign_out_everywhere() -> AnyResponse:
    """End every session of the account, this one too."""
    actions.sign_out_everywhere(current_user.key)
    return sign_out()


def show_account(problems: dict[str, str]) -> Response:
    """The account page, with what was refused beside its field."""
    return render(
        "accounts/account.html",
        status=400 if problems else 200,
        problems=problems,
        form=request.form,
        zones=zone_names(),
        regions=regions(),
        sign_in_days=current_app.permanent_session_lifetime.days,
    )

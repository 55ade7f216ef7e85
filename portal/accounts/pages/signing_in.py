"""Signing in by a password, and a code where the account asks for one; signing out."""

from __future__ import annotations

from flask import Response, current_app, request, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from portal import hypermedia
from portal.accounts import actions, query, throttle
from portal.accounts.pages.blueprint import blueprint, leave_session, refuse, start_session
from portal.accounts.parameters import CodeForm, SignIn, SignInAddress
from portal.accounts.passwords import password_fits
from portal.accounts.throttle import TooManyTries
from portal.accounts.tokens import hash_secret
from portal.models import User
from portal.pages import render
from portal.parameters import read_form, read_query
from portal.requests import address
from portal.text import fold
from portal.times import now_ms

# Between the password and the code, in the session's cookie: who, since when, and a mark of the password.
HALF_WAY = "half_way"
HALF_WAY_MS = 5 * 60_000


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
    known = request.cookies.get(throttle.known_name(), "")
    tried = throttle.who_tries(fold(form.email.strip()), user and user.id, known)
    try:
        throttle.count_try("address", address(), "SIGN_IN_TRIES_PER_ADDRESS")
        throttle.count_try(*tried, "SIGN_IN_TRIES")
    except TooManyTries as many:
        return show_too_many(many, user, email=form.email)
    usable = user if user and user.is_active else None
    if not password_fits(form.password, usable.password_hash if usable else None) or usable is None:
        refuse(user, "password")
        return show_sign_in(next_target(), email=form.email, status=401)
    throttle.forget_tries(*tried)
    throttle.take_back("address", address(), "SIGN_IN_TRIES_PER_ADDRESS")
    actions.renew_hash(usable, form.password)
    if usable.totp_secret is None:
        return signed_in(usable, "password", next_target())
    leave_session()
    session.clear()
    session[HALF_WAY] = [usable.key, now_ms(), mark_of(usable)]
    return hypermedia.send_to(url_for(".ask_code", next=next_target()))


@blueprint.get("/login/code")
def ask_code() -> AnyResponse:
    """The form for the second factor's code."""
    if half_way() is None:
        return hypermedia.send_to(url_for(".sign_in", next=next_target()))
    return show_code()


@blueprint.post("/login/code")
def code_submitted() -> AnyResponse:
    """Sign in, once the code fits too."""
    user = half_way()
    if user is None:
        return hypermedia.send_to(url_for(".sign_in", next=next_target()))
    code = read_form(request.form, CodeForm).values.code
    try:
        throttle.count_try("code", user.id, "SIGN_IN_TRIES")
    except TooManyTries as many:
        session.pop(HALF_WAY)
        return show_too_many(many, user)
    if not actions.take_code(user.key, code, current_app.secret_key):
        refuse(user, "code")
        return show_code(status=401)
    throttle.forget_tries("code", user.id)
    return signed_in(user, "password and code", next_target())


@blueprint.post("/logout")
def sign_out() -> AnyResponse:
    """End this session: a copy of its cookie is of no use any more."""
    leave_session()
    return leave()


def leave() -> AnyResponse:
    """Forget in the browser who was signed in."""
    logout_user()
    session.clear()
    return hypermedia.send_to(url_for("accounts.sign_in"))


def signed_in(user: User, how: str, target: str) -> AnyResponse:
    """Start the session, and go where they wanted; the browser is known from now on."""
    start_session(user, how)
    response = hypermedia.send_to(target)
    response.set_cookie(
        throttle.known_name(),
        throttle.new_known(user.id),
        max_age=throttle.KNOWN_DAYS * 86_400,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


def half_way() -> User | None:
    """Whoever has given the password a short while ago, and not yet the code."""
    key, since, mark = session.get(HALF_WAY, (0, 0, ""))
    user = query.find_user(key) if now_ms() - since < HALF_WAY_MS else None
    return user if user and user.is_active and user.totp_secret and mark_of(user) == mark else None


def mark_of(user: User) -> str:
    """Changes with the password: a code given after that is given too late."""
    return hash_secret(user.password_hash)[:16]


def next_target() -> str:
    """Where to go after signing in."""
    asked = read_query(request.query_string, SignInAddress, ignore_unknown=True).values
    return hypermedia.safe_target(asked.next, url_for("batches.list_batches"))


def show_sign_in(target: str, email: str = "", status: int = 200, wait: int = 0, problem: str = "") -> Response:
    """The sign-in page; the password is never sent back. `wait` is in seconds."""
    return render(
        "accounts/sign_in.html",
        target=target,
        email=email,
        failed=status == 401,
        wait_minutes=-(-wait // 60),
        problem=problem,
        provider=current_app.config["OIDC_NAME"] if current_app.config["OIDC_ISSUER"] else "",
        status=status,
    )


def show_too_many(many: TooManyTries, user: User | None, email: str = "") -> Response:
    """That there were too many tries, and how long to wait. Only the first of them goes into the trail."""
    refuse(user, "too many tries", trail=many.first)
    response = show_sign_in(next_target(), email=email, status=429, wait=many.seconds)
    response.headers["Retry-After"] = str(many.seconds)
    return response


def show_code(status: int = 200) -> Response:
    """The page that asks for the code."""
    return render("accounts/code.html", target=next_target(), failed=status == 401, status=status)

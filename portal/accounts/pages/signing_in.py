"""Signing in by a password, and a code where the account asks for one; signing out."""

from __future__ import annotations

from flask import Response, current_app, request, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, query, throttle
from portal.accounts.pages.blueprint import blueprint, end_browser_session, refuse_sign_in, start_browser_session
from portal.accounts.parameters import CodeForm, SignIn, SignInAddress
from portal.accounts.passwords import verify_password
from portal.accounts.throttle import TooManyAttempts
from portal.accounts.tokens import hash_secret
from portal.models import User
from portal.text import fold
from portal.times import now_ms
from portal.web import htmx
from portal.web.parameters import parse_form, parse_query
from portal.web.rendering import render
from portal.web.request_hooks import client_address

# Between the password and the code, in the session's cookie: who, since when, and a mark of the password.
AWAITING_CODE = "half_way"
AWAITING_CODE_MS = 5 * 60_000


@blueprint.get("/login")
def sign_in() -> AnyResponse:
    """The sign-in form."""
    target = read_next_target()
    return htmx.redirect_browser(target) if current_user.is_authenticated else show_sign_in(target)


@blueprint.post("/login")
def sign_in_submitted() -> AnyResponse:
    """Sign in, and back to the page first asked for. One message for every way of not fitting."""
    form = parse_form(request.form, SignIn).values
    user = query.find_user_by_email(form.email)
    known = request.cookies.get(throttle.device_cookie_name(), "")
    tried = throttle.attempt_subject(fold(form.email.strip()), user and user.id, known)
    try:
        throttle.count_attempt("address", client_address(), "SIGN_IN_TRIES_PER_ADDRESS")
        throttle.count_attempt(*tried, "SIGN_IN_TRIES")
    except TooManyAttempts as many:
        return show_too_many_attempts(many, user, email=form.email)
    usable = user if user and user.is_active else None
    if not verify_password(form.password, usable.password_hash if usable else None) or usable is None:
        refuse_sign_in(user, "password")
        return show_sign_in(read_next_target(), email=form.email, status=401)
    throttle.clear_attempts(*tried)
    throttle.refund_attempt("address", client_address(), "SIGN_IN_TRIES_PER_ADDRESS")
    actions.upgrade_password_hash(usable, form.password)
    if usable.totp_secret is None:
        return complete_sign_in(usable, "password", read_next_target())
    end_browser_session()
    session.clear()
    session[AWAITING_CODE] = [usable.key, now_ms(), password_mark(usable)]
    return htmx.redirect_browser(url_for(".ask_code", next=read_next_target()))


@blueprint.get("/login/code")
def ask_code() -> AnyResponse:
    """The form for the second factor's code."""
    if user_awaiting_code() is None:
        return htmx.redirect_browser(url_for(".sign_in", next=read_next_target()))
    return show_code()


@blueprint.post("/login/code")
def code_submitted() -> AnyResponse:
    """Sign in, once the code fits too."""
    user = user_awaiting_code()
    if user is None:
        return htmx.redirect_browser(url_for(".sign_in", next=read_next_target()))
    code = parse_form(request.form, CodeForm).values.code
    try:
        throttle.count_attempt("code", user.id, "SIGN_IN_TRIES")
    except TooManyAttempts as many:
        session.pop(AWAITING_CODE)
        return show_too_many_attempts(many, user)
    if not actions.use_code(user.key, code, current_app.secret_key):
        refuse_sign_in(user, "code")
        return show_code(status=401)
    throttle.clear_attempts("code", user.id)
    return complete_sign_in(user, "password and code", read_next_target())


@blueprint.post("/logout")
def sign_out() -> AnyResponse:
    """End this session: a copy of its cookie is of no use any more."""
    end_browser_session()
    return forget_browser_user()


def forget_browser_user() -> AnyResponse:
    """Forget in the browser who was signed in."""
    logout_user()
    session.clear()
    return htmx.redirect_browser(url_for("accounts.sign_in"))


def complete_sign_in(user: User, how: str, target: str) -> AnyResponse:
    """Start the session, and go where they wanted; the browser is known from now on."""
    start_browser_session(user, how)
    response = htmx.redirect_browser(target)
    response.set_cookie(
        throttle.device_cookie_name(),
        throttle.new_device_cookie(user.id),
        max_age=throttle.DEVICE_COOKIE_DAYS * 86_400,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )
    return response


def user_awaiting_code() -> User | None:
    """Whoever has given the password a short while ago, and not yet the code."""
    key, since, mark = session.get(AWAITING_CODE, (0, 0, ""))
    user = query.find_user(key) if now_ms() - since < AWAITING_CODE_MS else None
    return user if user and user.is_active and user.totp_secret and password_mark(user) == mark else None


def password_mark(user: User) -> str:
    """Changes with the password: a code given after that is given too late."""
    return hash_secret(user.password_hash)[:16]


def read_next_target() -> str:
    """Where to go after signing in."""
    asked = parse_query(request.query_string, SignInAddress, ignore_unknown=True).values
    return htmx.safe_target(asked.next, url_for("batches.list_batches"))


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


def show_too_many_attempts(many: TooManyAttempts, user: User | None, email: str = "") -> Response:
    """That there were too many tries, and how long to wait. Only the first of them goes into the trail."""
    refuse_sign_in(user, "too many tries", trail=many.first)
    response = show_sign_in(read_next_target(), email=email, status=429, wait=many.seconds)
    response.headers["Retry-After"] = str(many.seconds)
    return response


def show_code(status: int = 200) -> Response:
    """The page that asks for the code."""
    return render("accounts/code.html", target=read_next_target(), failed=status == 401, status=status)

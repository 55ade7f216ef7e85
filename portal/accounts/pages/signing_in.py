"""Sign in with a password, and a code if the account requires one; sign out."""

from __future__ import annotations

from flask import Response, current_app, request, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, query, throttle
from portal.accounts.pages.blueprint import (
    blueprint,
    end_browser_session,
    record_refused_sign_in,
    start_browser_session,
)
from portal.accounts.parameters import CodeForm, SignInAddress, SignInForm
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
from portal.web.sessions import uses_secure_cookies

# Key in the session cookie between password and code: user key, time, and fingerprint of the password.
AWAITING_CODE = "half_way"
AWAITING_CODE_MS = 5 * 60_000

WRONG_CREDENTIALS = "Incorrect email address or password."


@blueprint.get("/login")
def sign_in() -> AnyResponse:
    """Return the sign-in form."""
    target = read_next_target()
    return htmx.redirect_browser(target) if current_user.is_authenticated else show_sign_in(target)


@blueprint.post("/login")
def sign_in_submitted() -> AnyResponse:
    """Sign in and return to the requested page. All wrong credentials get the same message."""
    form = parse_form(request.form, SignInForm).values
    user = query.find_user_by_email(form.email)
    cookie = request.cookies.get(throttle.device_cookie_name(), "")
    subject = throttle.attempt_subject(fold(form.email.strip()), user and user.id, cookie)
    try:
        throttle.count_attempt("address", client_address(), "SIGN_IN_TRIES_PER_ADDRESS")
        throttle.count_attempt(*subject, "SIGN_IN_TRIES")
    except TooManyAttempts as error:
        return show_too_many_attempts(error, user, email=form.email)
    active = user if user and user.is_active else None
    if not verify_password(form.password, active.password_hash if active else None) or active is None:
        record_refused_sign_in(user, "password")
        return show_sign_in(read_next_target(), email=form.email, status=401, problem=WRONG_CREDENTIALS)
    throttle.clear_attempts(*subject)
    throttle.refund_attempt("address", client_address(), "SIGN_IN_TRIES_PER_ADDRESS")
    actions.upgrade_password_hash(active, form.password)
    if active.totp_secret is None:
        return complete_sign_in(active, "password", read_next_target())
    end_browser_session()
    session.clear()
    session[AWAITING_CODE] = [active.key, now_ms(), password_fingerprint(active)]
    return htmx.redirect_browser(url_for(".ask_code", next=read_next_target()))


@blueprint.get("/login/code")
def ask_code() -> AnyResponse:
    """Return the form for the code."""
    if user_awaiting_code() is None:
        return htmx.redirect_browser(url_for(".sign_in", next=read_next_target()))
    return show_code()


@blueprint.post("/login/code")
def code_submitted() -> AnyResponse:
    """Sign in, if the code is valid."""
    user = user_awaiting_code()
    if user is None:
        return htmx.redirect_browser(url_for(".sign_in", next=read_next_target()))
    code = parse_form(request.form, CodeForm).values.code
    try:
        throttle.count_attempt("code", user.id, "SIGN_IN_TRIES")
    except TooManyAttempts as error:
        session.pop(AWAITING_CODE)
        return show_too_many_attempts(error, user)
    if not actions.use_code(user.key, code, current_app.secret_key):
        record_refused_sign_in(user, "code")
        return show_code(status=401)
    throttle.clear_attempts("code", user.id)
    return complete_sign_in(user, "password and code", read_next_target())


@blueprint.post("/logout")
def sign_out() -> AnyResponse:
    """End the current session, so that a copy of its cookie is useless."""
    end_browser_session()
    return sign_out_browser()


def sign_out_browser() -> AnyResponse:
    """Clear the session cookie and redirect to the sign-in page."""
    logout_user()
    session.clear()
    return htmx.redirect_browser(url_for("accounts.sign_in"))


def complete_sign_in(user: User, how: str, target: str) -> AnyResponse:
    """Start the session, set the device cookie and redirect to `target`."""
    start_browser_session(user, how)
    response = htmx.redirect_browser(target)
    response.set_cookie(
        throttle.device_cookie_name(),
        throttle.new_device_cookie(user.id),
        max_age=throttle.DEVICE_COOKIE_DAYS * 86_400,
        secure=uses_secure_cookies(),
        httponly=True,
        samesite="Lax",
    )
    return response


def user_awaiting_code() -> User | None:
    """Return the user who has entered the password recently and not yet the code."""
    key, since, fingerprint = session.get(AWAITING_CODE, (0, 0, ""))
    user = query.find_user(key) if now_ms() - since < AWAITING_CODE_MS else None
    is_awaiting = user and user.is_active and user.totp_secret and password_fingerprint(user) == fingerprint
    return user if is_awaiting else None


def password_fingerprint(user: User) -> str:
    """Return a value that changes with the password, so that a new password ends a pending sign-in."""
    return hash_secret(user.password_hash)[:16]


def read_next_target() -> str:
    """Return the address to open after signing in."""
    address = parse_query(request.query_string, SignInAddress, ignore_unknown=True).values
    return htmx.safe_target(address.next, url_for("batches.list_batches"))


def show_sign_in(target: str, email: str = "", status: int = 200, wait: int = 0, problem: str = "") -> Response:
    """Return the sign-in page, without the password; `wait` in seconds."""
    return render(
        "accounts/sign_in.html",
        target=target,
        email=email,
        wait_minutes=-(-wait // 60),
        problem=problem,
        provider=current_app.config["OIDC_NAME"] if current_app.config["OIDC_ISSUER"] else "",
        status=status,
    )


def show_too_many_attempts(error: TooManyAttempts, user: User | None, email: str = "") -> Response:
    """Return the sign-in page with the wait. Only the first refusal in a window is logged."""
    record_refused_sign_in(user, "too many tries", audit=error.is_first)
    response = show_sign_in(read_next_target(), email=email, status=429, wait=error.seconds)
    response.headers["Retry-After"] = str(error.seconds)
    return response


def show_code(status: int = 200) -> Response:
    """Return the page that asks for the code."""
    return render("accounts/code.html", target=read_next_target(), failed=status == 401, status=status)

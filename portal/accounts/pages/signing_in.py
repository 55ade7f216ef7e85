"""Sign in with a password, and a code if the account requires one; sign out."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from flask import Response, current_app, request, session, url_for
from flask_login import current_user, logout_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, identity_query, openid_connect, query, throttle
from portal.accounts.actions import WrongCode
from portal.accounts.current_user import decryption_keys
from portal.accounts.pages.blueprint import (
    blueprint,
    end_browser_session,
    page_actor,
    record_refused_sign_in,
    start_browser_session,
)
from portal.accounts.parameters import CodeForm, SignInAddress, SignInForm
from portal.accounts.passwords import password_mark, usable_hash, verify_password
from portal.accounts.query import Credentials, CredentialsChanged
from portal.accounts.throttle import TooManyAttempts
from portal.limits.rate_limits import address_network
from portal.models import User
from portal.text import fold_email
from portal.times import now_ms
from portal.web import htmx
from portal.web.parameters import parse_form, parse_query
from portal.web.rendering import render
from portal.web.request_hooks import client_address
from portal.web.sessions import uses_secure_cookies

# Key in the session cookie between password and code: user key, time, and mark of the password.
AWAITING_CODE = "half_way"
AWAITING_CODE_MS = 5 * 60_000

# A password is checked again if its account changes during the check.
MAX_CHECKS = 3

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
    subject = throttle.attempt_subject("account", fold_email(form.email), user)
    address = address_network(client_address())
    try:
        throttle.count_attempt("address", address, "SIGN_IN_TRIES_PER_ADDRESS")
        throttle.count_attempt(*subject, "SIGN_IN_TRIES")
    except TooManyAttempts as error:
        return show_too_many_attempts(error, user, email=form.email)
    for _ in range(MAX_CHECKS):
        if not verify_password(form.password, usable_hash(user, now_ms())):
            break
        try:
            return accept_password(user, form.password, subject)
        except CredentialsChanged:
            user = query.find_user_by_email(form.email)
    record_refused_sign_in(user, "password")
    return show_sign_in(read_next_target(), email=form.email, status=401, problem=WRONG_CREDENTIALS)


def accept_password(user: User, password: str, subject: tuple[str, str]) -> AnyResponse:
    """Sign in after a correct password, or ask for the code. Raises CredentialsChanged."""
    checked = actions.upgrade_password_hash(Credentials.of(user), password)
    if checked.totp_secret is None:
        response = complete_sign_in(checked, "password", read_next_target())
    else:
        end_browser_session()
        session.clear()
        session[AWAITING_CODE] = [checked.user_key, now_ms(), password_mark(checked.password_hash)]
        response = htmx.redirect_browser(url_for(".ask_code", next=read_next_target()))
    throttle.clear_attempts(*subject)
    throttle.refund_attempt("address", address_network(client_address()), "SIGN_IN_TRIES_PER_ADDRESS")
    return response


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
    subject = throttle.attempt_subject("code", user.id, user)
    try:
        throttle.count_attempt(*subject, "SIGN_IN_TRIES")
    except TooManyAttempts as error:
        session.pop(AWAITING_CODE)
        return show_too_many_attempts(error, user)
    use_code = partial(actions.use_code, user.key, code, decryption_keys(), page_actor(user.key))
    try:
        response = complete_sign_in(Credentials.of(user), "password and code", read_next_target(), confirm=use_code)
    except WrongCode:
        record_refused_sign_in(user, "code")
        return show_code(status=401)
    throttle.clear_attempts(*subject)
    return response


@blueprint.post("/logout")
def sign_out() -> AnyResponse:
    """End the current session, so that a copy of its cookie is useless."""
    address = find_logout_url()
    end_browser_session()
    return sign_out_browser(address)


def find_logout_url() -> str:
    """Return the provider's URL for signing out, or "" if no provider started the current session."""
    if not (current_app.config["OIDC_ISSUER"] and current_user.is_authenticated and current_user.by_provider):
        return ""
    id_token = identity_query.find_id_token(current_user.session_key)
    return openid_connect.logout_url(id_token or "", url_for("accounts.sign_in", _external=True))


def sign_out_browser(logout_url: str) -> AnyResponse:
    """Clear the session cookie and what the browser has stored, and sign out at the provider or show the sign-in page.

    The device cookie stays, so not all cookies are cleared. The way to the provider is a page, because the content
    security policy stops a form whose response redirects to another site.
    """
    logout_user()
    session.clear()
    if logout_url and not request.htmx:
        name = current_app.config["OIDC_NAME"]
        response: AnyResponse = render("accounts/signed_out.html", logout_url=logout_url, provider=name)
        response.headers["Refresh"] = f"0; url={logout_url}"
    else:
        response = htmx.redirect_browser(logout_url or url_for("accounts.sign_in"))
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def complete_sign_in(
    checked: Credentials,
    how: str,
    target: str,
    *,
    by_provider: bool = False,
    id_token: str | None = None,
    confirm: Callable[[], None] | None = None,
) -> AnyResponse:
    """Start the session, set the device cookie and redirect to `target`. Raises as `actions.start_session` does."""
    start_browser_session(checked, how, by_provider=by_provider, id_token=id_token, confirm=confirm)
    response = htmx.redirect_browser(target)
    response.set_cookie(
        throttle.device_cookie_name(),
        throttle.new_device_cookie(current_user),
        max_age=throttle.DEVICE_COOKIE_DAYS * 86_400,
        secure=uses_secure_cookies(),
        httponly=True,
        samesite="Lax",
    )
    return response


def user_awaiting_code() -> User | None:
    """Return the user who has entered the password recently and not yet the code."""
    key, since, mark = session.get(AWAITING_CODE, (0, 0, ""))
    user = query.find_user(key) if now_ms() - since < AWAITING_CODE_MS else None
    is_awaiting = user and user.is_active and user.totp_secret and password_mark(user.password_hash) == mark
    return user if is_awaiting else None


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

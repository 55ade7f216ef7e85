"""The page of two-factor authentication: turn it on, replace the recovery codes, turn it off."""

from __future__ import annotations

from flask import Response, current_app, flash, request, session, url_for
from flask_login import current_user, login_required
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, query, throttle
from portal.accounts.actions import SecondFactorProof, WrongCode
from portal.accounts.current_user import (
    current_actor,
    decryption_keys,
    find_required_step,
    requires_second_factor,
)
from portal.accounts.pages.account import check_current_password, log_refused_check
from portal.accounts.pages.blueprint import blueprint
from portal.accounts.parameters import SecondFactorForm
from portal.accounts.passwords import NO_PASSWORD
from portal.accounts.second_factor import decrypt_secret, encrypt_secret, new_totp_secret, otpauth_uri, qr_code_svg
from portal.accounts.throttle import TooManyAttempts
from portal.web import htmx
from portal.web.parameters import parse_form
from portal.web.rendering import render

# Key of the encrypted secret in the session cookie between its display and the first valid code.
PENDING_SECRET = "offered"  # noqa: S105, the name of a key


@blueprint.get("/settings/second-factor")
@login_required
def second_factor() -> Response:
    """Return the page of two-factor authentication."""
    return show_second_factor({})


@blueprint.post("/settings/second-factor/offer")
@login_required
def offer_second_factor() -> AnyResponse:
    """Show a new secret for the app, if the password is correct."""
    form = parse_form(request.form, SecondFactorForm).values
    if problem := check_current_password(form.current):
        return show_second_factor({"current": problem})
    session[PENDING_SECRET] = encrypt_secret(new_totp_secret(), current_app.secret_key)
    return htmx.redirect_browser(url_for(".second_factor"))


@blueprint.post("/settings/second-factor/on")
@login_required
def turn_on_second_factor() -> AnyResponse:
    """Turn it on, if the code proves that the app has the secret, and show the recovery codes once."""
    secret = decrypt_secret(session.get(PENDING_SECRET, ""), decryption_keys())
    if secret is None or current_user.has_second_factor:
        return htmx.redirect_browser(url_for(".second_factor"))
    form = parse_form(request.form, SecondFactorForm).values
    if problem := count_code_attempt():
        return show_second_factor({"code": problem})
    codes = actions.turn_on_second_factor(
        current_user.key, secret, form.code, current_app.secret_key, current_actor(), current_user.credentials
    )
    if codes is None:
        log_refused_check("code")
        return show_second_factor(
            {"code": "code is invalid; check the clock of your phone and enter the code that the app shows now"}
        )
    session.pop(PENDING_SECRET)
    return show_second_factor({}, codes)


@blueprint.post("/settings/second-factor/codes")
@login_required
def renew_recovery_codes() -> AnyResponse:
    """Replace the recovery codes, if password and code are correct, and show the new ones once."""
    proof, problems = read_proof()
    if proof is None:
        return show_second_factor(problems)
    try:
        codes = actions.renew_recovery_codes(current_user.key, current_actor(), proof)
    except WrongCode:
        return show_wrong_code()
    throttle.clear_attempts(*code_subject())
    return show_second_factor({}, codes)


@blueprint.post("/settings/second-factor/off")
@login_required
def turn_off_second_factor() -> AnyResponse:
    """Turn it off, if password and code are correct."""
    if is_required():
        return show_second_factor({})
    proof, problems = read_proof()
    if proof is None:
        return show_second_factor(problems)
    try:
        actions.turn_off_second_factor(current_user.key, current_actor(), proof)
    except WrongCode:
        return show_wrong_code()
    throttle.clear_attempts(*code_subject())
    flash("Two-factor authentication turned off. You now sign in with the password only.")
    return htmx.redirect_browser(url_for(".second_factor"))


def read_proof() -> tuple[SecondFactorProof | None, dict[str, str]]:
    """Return the form's code with the checked credentials, or None and the problem with the password or code."""
    form = parse_form(request.form, SecondFactorForm).values
    if problem := check_current_password(form.current):
        return None, {"current": problem}
    if problem := count_code_attempt():
        return None, {"code": problem}
    return SecondFactorProof(current_user.credentials, form.code, decryption_keys()), {}


def show_wrong_code() -> Response:
    """Log a wrong code, and return the page with the problem."""
    log_refused_check("code")
    return show_second_factor({"code": "code is invalid"})


def code_subject() -> tuple[str, str]:
    """Return the counter of the user's attempts at codes, the same as at sign-in."""
    return throttle.attempt_subject("code", current_user.id, current_user)


def count_code_attempt() -> str:
    """Count an attempt at a code, and return the problem if there were too many, or ""."""
    try:
        throttle.count_attempt(*code_subject(), "SIGN_IN_TRIES")
    except TooManyAttempts as error:
        log_refused_check("too many tries", audit=error.is_first)
        return f"code had too many attempts; try again in {error.wait}"
    return ""


def is_required() -> bool:
    """Return whether the user must use two-factor authentication."""
    return requires_second_factor(current_user, current_app.config["REQUIRE_TWO_FACTOR"])


def show_second_factor(problems: dict[str, str], codes: list[str] | None = None) -> Response:
    """Return the page with each problem beside its field, or with new recovery codes."""
    is_on = current_user.has_second_factor or bool(codes)
    secret = None if is_on else decrypt_secret(session.get(PENDING_SECRET, ""), decryption_keys())
    return render(
        "accounts/second_factor.html",
        problems=problems,
        codes=codes,
        is_on=is_on,
        is_required=is_required(),
        is_first_step=find_required_step(current_user) == "accounts.second_factor",
        has_password=current_user.password_hash != NO_PASSWORD,
        codes_left=query.count_recovery_codes(current_user.key) if is_on else 0,
        secret=secret and " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        picture=Markup(qr_code_svg(otpauth_uri(secret, current_user.email))) if secret else "",  # noqa: S704, our own
    )

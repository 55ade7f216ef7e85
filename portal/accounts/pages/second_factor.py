"""The second factor: turned on with an app, its recovery codes, and turned off."""

from __future__ import annotations

from flask import Response, current_app, flash, request, session, url_for
from flask_login import current_user, login_required
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, query, throttle
from portal.accounts.current_user import current_actor
from portal.accounts.pages.account import check_current_password
from portal.accounts.pages.blueprint import blueprint
from portal.accounts.parameters import SecondFactorForm
from portal.accounts.passwords import NO_PASSWORD
from portal.accounts.second_factor import decrypt_secret, encrypt_secret, new_totp_secret, otpauth_uri, qr_code_svg
from portal.accounts.throttle import TooManyAttempts
from portal.web import htmx
from portal.web.parameters import parse_form
from portal.web.rendering import render

# A secret that is shown and not yet in force, locked, in the session's cookie.
PENDING_SECRET = "offered"  # noqa: S105, the name of a key


@blueprint.get("/settings/second-factor")
@login_required
def second_factor() -> Response:
    """Whether a code is asked for, and what can be done about it."""
    return show_second_factor({})


@blueprint.post("/settings/second-factor/offer")
@login_required
def offer_second_factor() -> AnyResponse:
    """Show a secret for the app, once the password fits."""
    form = parse_form(request.form, SecondFactorForm).values
    if wrong := check_current_password(form.current):
        return show_second_factor({"current": wrong})
    session[PENDING_SECRET] = encrypt_secret(new_totp_secret(), current_app.secret_key)
    return htmx.redirect_browser(url_for(".second_factor"))


@blueprint.post("/settings/second-factor/on")
@login_required
def turn_on_second_factor() -> AnyResponse:
    """In force, once a code shows that the app has the secret; the recovery codes are shown this once."""
    secret = decrypt_secret(session.get(PENDING_SECRET, ""), current_app.secret_key)
    if secret is None or current_user.has_second_factor:
        return htmx.redirect_browser(url_for(".second_factor"))
    form = parse_form(request.form, SecondFactorForm).values
    if many := check_code_attempts():
        return show_second_factor({"code": many})
    codes = actions.turn_on_second_factor(current_user.key, secret, form.code, current_app.secret_key, current_actor())
    if codes is None:
        return show_second_factor(
            {"code": "code does not fit; look at the app's clock, and type the code that it shows now"}
        )
    session.pop(PENDING_SECRET)
    return show_second_factor({}, codes)


@blueprint.post("/settings/second-factor/codes")
@login_required
def renew_recovery_codes() -> AnyResponse:
    """New recovery codes instead of those before, once the password and a code fit; shown this once."""
    problems = check_credentials()
    return (
        show_second_factor(problems)
        if problems
        else show_second_factor({}, actions.renew_recovery_codes(current_user.key, current_actor()))
    )


@blueprint.post("/settings/second-factor/off")
@login_required
def turn_off_second_factor() -> AnyResponse:
    """The password alone again, once the password and a code fit."""
    problems = check_credentials()
    if problems:
        return show_second_factor(problems)
    actions.turn_off_second_factor(current_user.key, current_actor())
    flash("The second factor is off. The password alone is enough from now on.")
    return htmx.redirect_browser(url_for(".second_factor"))


def check_credentials() -> dict[str, str]:
    """What is wrong with the password and the code that were given."""
    form = parse_form(request.form, SecondFactorForm).values
    if wrong := check_current_password(form.current):
        return {"current": wrong}
    if many := check_code_attempts():
        return {"code": many}
    if not actions.use_code(current_user.key, form.code, current_app.secret_key, current_actor()):
        return {"code": "code does not fit"}
    throttle.clear_attempts("code", current_user.id)
    return {}


def check_code_attempts() -> str:
    """That codes were tried too often; "" while they were not."""
    try:
        throttle.count_attempt("code", current_user.id, "SIGN_IN_TRIES")
    except TooManyAttempts as many:
        return f"code was tried too often; wait {-(-many.seconds // 60)} min"
    return ""


def show_second_factor(problems: dict[str, str], codes: list[str] | None = None) -> Response:
    """The page; with what was refused, or with recovery codes just made."""
    is_on = current_user.has_second_factor or bool(codes)
    secret = None if is_on else decrypt_secret(session.get(PENDING_SECRET, ""), current_app.secret_key)
    return render(
        "accounts/second_factor.html",
        status=400 if problems else 200,
        problems=problems,
        codes=codes,
        is_on=is_on,
        has_password=current_user.password_hash != NO_PASSWORD,
        codes_left=query.count_recovery_codes(current_user.key) if is_on else 0,
        secret=secret and " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        picture=Markup(qr_code_svg(otpauth_uri(secret, current_user.email))) if secret else "",  # noqa: S704, our own
    )

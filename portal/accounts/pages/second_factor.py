"""The second factor: turned on with an app, its recovery codes, and turned off."""

from __future__ import annotations

from flask import Response, current_app, flash, request, session, url_for
from flask_login import current_user, login_required
from markupsafe import Markup
from werkzeug.wrappers import Response as AnyResponse

from portal import hypermedia
from portal.accounts import actions, query, throttle
from portal.accounts.current_user import me
from portal.accounts.pages.account import password_problem
from portal.accounts.pages.blueprint import blueprint
from portal.accounts.parameters import SecondFactorForm
from portal.accounts.passwords import NO_PASSWORD
from portal.accounts.second_factor import address_for_apps, lock, new_totp_secret, picture, unlock
from portal.accounts.throttle import TooManyTries
from portal.pages import render
from portal.parameters import read_form

# A secret that is shown and not yet in force, locked, in the session's cookie.
OFFERED = "offered"


@blueprint.get("/settings/second-factor")
@login_required
def second_factor() -> Response:
    """Whether a code is asked for, and what can be done about it."""
    return show({})


@blueprint.post("/settings/second-factor/offer")
@login_required
def offer_second_factor() -> AnyResponse:
    """Show a secret for the app, once the password fits."""
    form = read_form(request.form, SecondFactorForm).values
    if wrong := password_problem(form.current):
        return show({"current": wrong})
    session[OFFERED] = lock(new_totp_secret(), current_app.secret_key)
    return hypermedia.send_to(url_for(".second_factor"))


@blueprint.post("/settings/second-factor/on")
@login_required
def turn_on_second_factor() -> AnyResponse:
    """In force, once a code shows that the app has the secret; the recovery codes are shown this once."""
    secret = unlock(session.get(OFFERED, ""), current_app.secret_key)
    if secret is None or current_user.has_second_factor:
        return hypermedia.send_to(url_for(".second_factor"))
    form = read_form(request.form, SecondFactorForm).values
    if many := too_many_codes():
        return show({"code": many})
    codes = actions.turn_on_second_factor(current_user.key, secret, form.code, current_app.secret_key, me())
    if codes is None:
        return show({"code": "code does not fit; look at the app's clock, and type the code that it shows now"})
    session.pop(OFFERED)
    return show({}, codes)


@blueprint.post("/settings/second-factor/codes")
@login_required
def renew_recovery_codes() -> AnyResponse:
    """New recovery codes instead of those before, once the password and a code fit; shown this once."""
    problems = refusals()
    return show(problems) if problems else show({}, actions.renew_recovery_codes(current_user.key, me()))


@blueprint.post("/settings/second-factor/off")
@login_required
def turn_off_second_factor() -> AnyResponse:
    """The password alone again, once the password and a code fit."""
    problems = refusals()
    if problems:
        return show(problems)
    actions.turn_off_second_factor(current_user.key, me())
    flash("The second factor is off. The password alone is enough from now on.")
    return hypermedia.send_to(url_for(".second_factor"))


def refusals() -> dict[str, str]:
    """What is wrong with the password and the code that were given."""
    form = read_form(request.form, SecondFactorForm).values
    if wrong := password_problem(form.current):
        return {"current": wrong}
    if many := too_many_codes():
        return {"code": many}
    if not actions.take_code(current_user.key, form.code, current_app.secret_key, me()):
        return {"code": "code does not fit"}
    throttle.forget_tries("code", current_user.id)
    return {}


def too_many_codes() -> str:
    """That codes were tried too often; "" while they were not."""
    try:
        throttle.count_try("code", current_user.id, "SIGN_IN_TRIES")
    except TooManyTries as many:
        return f"code was tried too often; wait {-(-many.seconds // 60)} min"
    return ""


def show(problems: dict[str, str], codes: list[str] | None = None) -> Response:
    """The page; with what was refused, or with recovery codes just made."""
    is_on = current_user.has_second_factor or bool(codes)
    secret = None if is_on else unlock(session.get(OFFERED, ""), current_app.secret_key)
    return render(
        "accounts/second_factor.html",
        status=400 if problems else 200,
        problems=problems,
        codes=codes,
        is_on=is_on,
        has_password=current_user.password_hash != NO_PASSWORD,
        codes_left=query.recovery_codes_left(current_user.key) if is_on else 0,
        secret=secret and " ".join(secret[at : at + 4] for at in range(0, len(secret), 4)),
        picture=Markup(picture(address_for_apps(secret, current_user.email))) if secret else "",  # noqa: S704, our own
    )

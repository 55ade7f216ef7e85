"""The page on which a signed-in user proves their identity again before a sensitive change."""

from __future__ import annotations

from flask import Response, current_app, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import identity_query
from portal.accounts.current_user import is_confirmed
from portal.accounts.pages.account import check_current_password
from portal.accounts.pages.blueprint import blueprint
from portal.accounts.pages.signing_in import read_next_target
from portal.accounts.parameters import SecondFactorForm
from portal.accounts.passwords import NO_PASSWORD
from portal.web import htmx
from portal.web.parameters import parse_form
from portal.web.rendering import render


def require_confirmation(target: str) -> AnyResponse | None:
    """Redirect to the page, and then to `target`, unless the user has proved their identity recently."""
    if is_confirmed():
        return None
    flash("Nothing was changed. Confirm your identity, then try again.", "problem")
    return htmx.redirect_browser(url_for("accounts.confirm", next=target))


@blueprint.get("/settings/confirm")
@login_required
def confirm() -> AnyResponse:
    """Return the page."""
    return show_confirmation("")


@blueprint.post("/settings/confirm")
@login_required
def confirm_submitted() -> AnyResponse:
    """Store that the user has proved their identity, if the password is correct, and go on."""
    if problem := check_current_password(parse_form(request.form, SecondFactorForm).values.current):
        return show_confirmation(problem)
    return htmx.redirect_browser(read_next_target())


def show_confirmation(problem: str) -> Response:
    """Return the page with the ways that the account can use."""
    issuer = current_app.config["OIDC_ISSUER"]
    is_linked = issuer and any(link.issuer == issuer for link in identity_query.list_identities(current_user.key))
    return render(
        "accounts/confirm.html",
        problems={"current": problem} if problem else {},
        target=read_next_target(),
        has_password=current_user.password_hash != NO_PASSWORD,
        provider=current_app.config["OIDC_NAME"] if is_linked else "",
    )

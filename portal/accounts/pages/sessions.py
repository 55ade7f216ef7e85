"""End sessions of the account, after its user has proved their identity (OWASP ASVS 5.0, 7.5.2)."""

from __future__ import annotations

from flask import flash, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions
from portal.accounts.current_user import current_actor
from portal.accounts.pages.account import KEY_LIMIT
from portal.accounts.pages.blueprint import blueprint
from portal.accounts.pages.confirmation import require_confirmation
from portal.accounts.pages.signing_in import find_logout_url, sign_out_browser
from portal.web import htmx


@blueprint.post("/settings/sessions/<int:key>/end")
@login_required
def end_session(key: int) -> AnyResponse:
    """End one session of the account. For an unknown or ended one, only show the list."""
    if response := require_confirmation(url_for(".account")):
        return response
    if key < KEY_LIMIT and actions.end_session(current_user.key, key, current_actor()):
        flash("Session ended.")
    return htmx.redirect_browser(url_for(".account"))


@blueprint.post("/settings/sign-out-everywhere")
@login_required
def sign_out_everywhere() -> AnyResponse:
    """End all sessions of the account, including the current one."""
    if response := require_confirmation(url_for(".account")):
        return response
    address = find_logout_url()
    actions.sign_out_everywhere(current_user.key, current_actor())
    return sign_out_browser(address)

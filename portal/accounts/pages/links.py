"""Links between accounts and OpenID Connect identities: the form for the first link, and removal."""

from __future__ import annotations

from flask import Response, current_app, flash, request, session, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, identity_query, query, throttle
from portal.accounts.actions import LinkedOtherwise, WrongCode
from portal.accounts.current_user import current_actor, decryption_keys
from portal.accounts.openid_connect import OpenIdUser
from portal.accounts.pages.account import KEY_LIMIT
from portal.accounts.pages.blueprint import blueprint, page_actor, record_refused_sign_in
from portal.accounts.pages.confirmation import require_confirmation
from portal.accounts.pages.signing_in import (
    WRONG_CREDENTIALS,
    complete_sign_in,
    show_sign_in,
    show_too_many_attempts,
)
from portal.accounts.parameters import LinkForm
from portal.accounts.passwords import NO_PASSWORD, password_mark, usable_hash, verify_password
from portal.accounts.query import Credentials
from portal.accounts.throttle import TooManyAttempts
from portal.limits.rate_limits import address_network
from portal.models import User
from portal.text import fold_email
from portal.times import now_ms
from portal.web import htmx
from portal.web.parameters import parse_form
from portal.web.rendering import render
from portal.web.request_hooks import client_address

# Key in the session cookie between the provider's response and the account's own credentials: user key, subject, time,
# mark of the password, and target.
PENDING_LINK = "link"
PENDING_LINK_MS = 10 * 60_000

LINKED_OTHERWISE = (
    "Your account is linked to another user of the sign-in provider. Ask your administrator to remove that link."
)


def ask_for_credentials(user: User, identity: OpenIdUser, target: str) -> AnyResponse:
    """Remember a link until its user proves that the account is theirs, and redirect to the form for that."""
    session[PENDING_LINK] = [user.key, identity.subject, now_ms(), password_mark(user.password_hash), target]
    return htmx.redirect_browser(url_for(".link_account"))


def read_pending_link() -> tuple[User, str, str] | None:
    """Return the account, subject and target of the pending link, if there is one."""
    key, subject, since, mark, target = session.get(PENDING_LINK, (0, "", 0, "", ""))
    user = query.find_user(key) if now_ms() - since < PENDING_LINK_MS and current_app.config["OIDC_ISSUER"] else None
    is_pending = user and user.is_active and password_mark(user.password_hash) == mark
    return (user, subject, target) if is_pending else None


@blueprint.get("/login/provider/link")
def link_account() -> AnyResponse:
    """Return the form for the account's own credentials."""
    pending = read_pending_link()
    return show_link_form(pending[0]) if pending else htmx.redirect_browser(url_for(".sign_in"))


@blueprint.post("/login/provider/link")
def link_account_submitted() -> AnyResponse:
    """Link the account and sign in, if password and code are correct."""
    pending = read_pending_link()
    if pending is None:
        return htmx.redirect_browser(url_for(".sign_in"))
    user, subject, target = pending
    form = parse_form(request.form, LinkForm).values
    counters = (throttle.attempt_subject("account", fold_email(user.email), user),)
    try:
        throttle.count_attempt("address", address_network(client_address()), "SIGN_IN_TRIES_PER_ADDRESS")
        throttle.count_attempt(*counters[0], "SIGN_IN_TRIES")
        if not verify_password(form.password, usable_hash(user, now_ms())):
            record_refused_sign_in(user, "password")
            return show_link_form(user, WRONG_CREDENTIALS)
        if user.totp_secret is not None:
            counters += (throttle.attempt_subject("code", user.id, user),)
            throttle.count_attempt(*counters[1], "SIGN_IN_TRIES")
        response = link_and_sign_in(user, subject, form.code, target)
    except TooManyAttempts as error:
        return show_too_many_attempts(error, user)
    except WrongCode:
        record_refused_sign_in(user, "code")
        return show_link_form(user, "Invalid code. Enter the code that your app shows now; each code works once.")
    except LinkedOtherwise:
        session.pop(PENDING_LINK)
        record_refused_sign_in(user, "provider")
        return show_sign_in(target, problem=LINKED_OTHERWISE, status=403)
    for counter in counters:
        throttle.clear_attempts(*counter)
    throttle.refund_attempt("address", address_network(client_address()), "SIGN_IN_TRIES_PER_ADDRESS")
    return response


def link_and_sign_in(user: User, subject: str, code: str, target: str) -> AnyResponse:
    """Use the code, link the account and start the session, in one transaction. Raises WrongCode, LinkedOtherwise."""

    def use_code_and_link() -> None:
        actor = page_actor(user.key)
        if user.totp_secret is not None:
            actions.use_code(user.key, code, decryption_keys(), actor)
        actions.link_identity(user.key, current_app.config["OIDC_ISSUER"], subject, actor, is_proven=True)

    how = "password and provider" if user.totp_secret is None else "password, code and provider"
    return complete_sign_in(Credentials.of(user), how, target, by_provider=True, confirm=use_code_and_link)


def show_link_form(user: User, problem: str = "") -> Response:
    """Return the form, with a problem of the credentials."""
    return render(
        "accounts/link.html",
        email=user.email,
        needs_code=user.totp_secret is not None,
        provider=current_app.config["OIDC_NAME"],
        problem=problem,
        status=401 if problem else 200,
    )


@blueprint.post("/settings/links/<int:key>/remove")
@login_required
def remove_link(key: int) -> AnyResponse:
    """Remove a link of the account. For an unknown one, only show the list."""
    if response := require_confirmation(url_for(".account")):
        return response
    links = [link.key for link in identity_query.list_identities(current_user.key)]
    if current_user.password_hash == NO_PASSWORD and links == [key]:
        flash("You could not sign in without this link. Ask your administrator to set a password first.", "problem")
    elif key < KEY_LIMIT and actions.unlink_identities(
        current_user.key, current_actor(), key=key, current_session=current_user.session_key
    ):
        flash("Link removed. To link the account again, you need its password.")
    return htmx.redirect_browser(url_for(".account"))

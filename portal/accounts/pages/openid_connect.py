"""Sign in with an OpenID Connect provider, if one is configured, and confirm one's identity there."""

from __future__ import annotations

from datetime import UTC
from functools import partial

from flask import abort, current_app, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, identity_query, openid_connect
from portal.accounts.actions import LinkedOtherwise
from portal.accounts.openid_connect import OpenIdUser, Purpose, SignInRefused, Visit
from portal.accounts.pages.blueprint import (
    blueprint,
    confirm_browser_session,
    page_actor,
    record_refused_sign_in,
)
from portal.accounts.pages.links import LINKED_OTHERWISE, ask_for_credentials
from portal.accounts.pages.signing_in import complete_sign_in, read_next_target, show_sign_in
from portal.accounts.parameters import ProvidedUser, ProviderResponse
from portal.accounts.passwords import NO_PASSWORD
from portal.accounts.query import Credentials
from portal.models import User
from portal.text import same_ascii
from portal.web import htmx
from portal.web.parameters import InvalidParameter, parse_fields, parse_query


@blueprint.get("/login/provider")
def start_openid_sign_in() -> AnyResponse:
    """Redirect to the provider. A link on another site only leads to the sign-in page (OWASP ASVS 5.0, 7.6.2)."""
    require_provider()
    target = read_next_target()
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return htmx.redirect_browser(url_for("accounts.sign_in", next=target))
    try:
        return htmx.redirect_browser(openid_connect.start_visit(callback_address(), Purpose.SIGN_IN, target))
    except SignInRefused as error:
        return show_sign_in(target, problem=str(error), status=503)


@blueprint.get("/login/provider/confirm")
@login_required
def start_openid_confirmation() -> AnyResponse:
    """Redirect to the provider, so that the signed-in user authenticates there again."""
    require_provider()
    target = read_next_target()
    try:
        return htmx.redirect_browser(openid_connect.start_visit(callback_address(), Purpose.CONFIRM, target))
    except SignInRefused as error:
        return show_unconfirmed(error, target)


@blueprint.get("/login/provider/back")
def finish_openid_sign_in() -> AnyResponse:
    """Sign in the user that the provider's response identifies, or accept it as the proof of their identity."""
    require_provider()
    response = parse_query(request.query_string, ProviderResponse, ignore_unknown=True).values
    visit = openid_connect.take_visit(response.state)
    target = htmx.safe_target(visit.target if visit else "", url_for("batches.list_batches"))
    is_confirmation = visit is not None and visit.purpose == Purpose.CONFIRM and current_user.is_authenticated
    try:
        identity = openid_connect.read_identity(visit, response.code, response.iss, callback_address())
        if visit and is_confirmation:
            return accept_confirmation(identity, visit, target)
        return sign_in_identity(identity, target)
    except SignInRefused as error:
        if is_confirmation:
            return show_unconfirmed(error, target)
        record_refused_sign_in(error.user, "provider", audit=visit is not None)
        return show_sign_in(target, problem=str(error), status=403)


def require_provider() -> None:
    """Abort with 404 if no provider is configured."""
    if not current_app.config["OIDC_ISSUER"]:
        abort(404)


def callback_address() -> str:
    """Return the URL that the provider sends users back to. Its host is one of TRUSTED_HOSTS."""
    return url_for("accounts.finish_openid_sign_in", _external=True)


# --- sign-in ----------------------------------------------------------------------------------------------------------


def sign_in_identity(identity: OpenIdUser, target: str) -> AnyResponse:
    """Sign in the user of an identity, and link it if it is new. Raises SignInRefused.

    The link is read again when the session starts, with the account locked.
    """
    user = identity_query.find_linked_user(identity.issuer, identity.subject)
    is_new = user is None
    user = user or find_or_create_account(identity)
    if not user.is_active:
        raise SignInRefused("This account is disabled. Ask your administrator.", user)
    link = partial(actions.require_link, user.key, identity.issuer, identity.subject)
    if is_new and actions.requires_proof(user):
        if any(linked.issuer == identity.issuer for linked in identity_query.list_identities(user.key)):
            raise SignInRefused(LINKED_OTHERWISE, user)
        if user.password_hash == NO_PASSWORD:
            raise SignInRefused("Your account needs a password before it can be linked. Ask your administrator.", user)
        return ask_for_credentials(user, identity, target)
    if is_new:
        link = partial(
            actions.link_identity, user.key, identity.issuer, identity.subject, page_actor(user.key), is_proven=False
        )
    try:
        return complete_sign_in(
            Credentials.of(user), "provider", target, by_provider=True, id_token=identity.id_token, confirm=link
        )
    except LinkedOtherwise as error:
        raise SignInRefused(LINKED_OTHERWISE, user) from error


def find_or_create_account(identity: OpenIdUser) -> User:
    """Return the account of an identity's email address, or a new one if that is allowed. Raises SignInRefused."""
    if not (identity.email and identity.email_verified):
        raise SignInRefused(
            "The sign-in provider has not verified your email address. Verify it there, then try again."
        )
    if not is_allowed_domain(identity.email):
        raise SignInRefused("Email addresses of your domain cannot use single sign-on. Ask your administrator.")
    return identity_query.find_user_by_claimed_email(identity.email) or create_account(identity)


def is_allowed_domain(email: str) -> bool:
    """Return whether OIDC_DOMAINS contains the domain of an email address; a subdomain is another domain."""
    domains = current_app.config["OIDC_DOMAINS"]
    _, _, host = email.partition("@")
    return not domains or any(same_ascii(domain, host) for domain in domains)


def create_account(identity: OpenIdUser) -> User:
    """Create an account for an identity. Raises SignInRefused if new accounts are not allowed."""
    if not current_app.config["OIDC_CREATE"]:
        raise SignInRefused("Your email address has no account here. Ask your administrator for one.")
    try:
        parsed = parse_fields({"email": identity.email, "name": identity.name[:100]}, ProvidedUser, UTC, {})
        parsed.problems.pop("name", None)  # a name that the portal refuses is replaced by the address
        form = parsed.or_refuse()
        return actions.add_user(form.email, form.name or form.email[:100], "UTC", None)
    except InvalidParameter as error:
        raise SignInRefused("The account could not be created. Ask your administrator for one.") from error


# --- confirmation -----------------------------------------------------------------------------------------------------


def accept_confirmation(identity: OpenIdUser, visit: Visit, target: str) -> AnyResponse:
    """Store that the signed-in user has proved their identity. Raises SignInRefused."""
    user = identity_query.find_linked_user(identity.issuer, identity.subject)
    if user is None or user.key != current_user.key:
        raise SignInRefused("You signed in at the provider as another user. Sign in there with your own account.")
    if not openid_connect.has_confirmed(identity, visit):
        raise SignInRefused("The sign-in provider did not ask you to sign in again. Ask your administrator.")
    confirm_browser_session()
    return htmx.redirect_browser(target)


def show_unconfirmed(error: SignInRefused, target: str) -> AnyResponse:
    """Return to the page of confirmation with the problem."""
    flash(str(error), "problem")
    return htmx.redirect_browser(url_for("accounts.confirm", next=target))

"""Sign in with an OpenID Connect provider, if one is configured."""

from __future__ import annotations

from flask import abort, current_app, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, openid_connect, query
from portal.accounts.openid_connect import OpenIdUser, SignInRefused
from portal.accounts.pages.blueprint import blueprint, record_refused_sign_in
from portal.accounts.pages.signing_in import complete_sign_in, read_next_target, show_sign_in
from portal.accounts.query import Credentials
from portal.models import Channel, User
from portal.models.actor import Actor
from portal.web import htmx
from portal.web.parameters import InvalidParameter
from portal.web.request_hooks import client_address

NEXT_KEY = "wanted"


@blueprint.get("/login/provider")
def start_openid_sign_in() -> AnyResponse:
    """Redirect to the provider."""
    require_provider()
    session[NEXT_KEY] = read_next_target()
    try:
        return openid_connect.redirect_to_provider(url_for(".finish_openid_sign_in", _external=True))
    except SignInRefused as error:
        return show_sign_in(read_next_target(), problem=str(error), status=503)


@blueprint.get("/login/provider/back")
def finish_openid_sign_in() -> AnyResponse:
    """Sign in the user that the provider's response identifies."""
    require_provider()
    target = htmx.safe_target(session.pop(NEXT_KEY, ""), url_for("batches.list_batches"))
    try:
        user = find_or_create_account(openid_connect.read_identity())
    except SignInRefused as error:
        record_refused_sign_in(None, "provider")
        return show_sign_in(target, problem=str(error), status=403)
    return complete_sign_in(Credentials.of(user), "provider", target, by_provider=True)


def require_provider() -> None:
    """Abort with 404 if no provider is configured."""
    if not current_app.config["OIDC_ISSUER"]:
        abort(404)


def find_or_create_account(identity: OpenIdUser) -> User:
    """Return the account of an identity: linked, of the same email address, or new if that is allowed.

    Raises SignInRefused.
    """
    user = query.find_linked_user(identity.issuer, identity.subject)
    if user is None and not (identity.email and identity.email_verified):
        raise SignInRefused(
            "The sign-in provider has not verified your email address. Verify it there, then try again."
        )
    user = user or query.find_user_by_email(identity.email) or create_account(identity)
    if not user.is_active:
        raise SignInRefused("This account is disabled. Ask your administrator.")
    actor = Actor(user.key, Channel.PAGE, address=client_address())
    actions.link_identity(user.key, identity.issuer, identity.subject, actor)
    return user


def create_account(identity: OpenIdUser) -> User:
    """Create an account for an identity. Raises SignInRefused if new accounts are not allowed."""
    if not current_app.config["OIDC_CREATE"]:
        raise SignInRefused("Your email address has no account here. Ask your administrator for one.")
    try:
        return actions.add_user(identity.email, identity.name or identity.email, "UTC", None)
    except InvalidParameter as error:
        raise SignInRefused("The account could not be created. Ask your administrator for one.") from error

"""Signing in by an OpenID Connect provider, where one is configured."""

from __future__ import annotations

from flask import abort, current_app, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, openid_connect, query
from portal.accounts.openid_connect import SignInRefused
from portal.accounts.pages.blueprint import blueprint, refuse_sign_in
from portal.accounts.pages.signing_in import complete_sign_in, read_next_target, show_sign_in
from portal.models import Channel, User
from portal.models.actor import Actor
from portal.web import htmx
from portal.web.parameters import InvalidParameter
from portal.web.request_hooks import client_address

NEXT_KEY = "wanted"


@blueprint.get("/login/provider")
def start_openid_sign_in() -> AnyResponse:
    """To the provider, and from there back with who it is."""
    if not current_app.config["OIDC_ISSUER"]:
        abort(404)
    session[NEXT_KEY] = read_next_target()
    try:
        return openid_connect.redirect_to_provider(url_for(".finish_openid_sign_in", _external=True))
    except SignInRefused as error:
        return show_sign_in(read_next_target(), problem=str(error), status=503)


@blueprint.get("/login/provider/back")
def finish_openid_sign_in() -> AnyResponse:
    """Sign in whoever the provider says it is; what it says is checked first."""
    if not current_app.config["OIDC_ISSUER"]:
        abort(404)
    target = htmx.safe_target(session.pop(NEXT_KEY, ""), url_for("batches.list_batches"))
    try:
        user = find_or_create_account(openid_connect.read_identity())
    except SignInRefused as error:
        refuse_sign_in(None, "provider")
        return show_sign_in(target, problem=str(error), status=403)
    return complete_sign_in(user, "provider", target)


def find_or_create_account(person: openid_connect.OpenIdUser) -> User:
    """The account of a person whom the provider vouches for: linked before, of that address, or new where that is
    allowed. Raises NotTrusted."""
    user = query.find_linked_user(person.issuer, person.subject)
    if user is None and not (person.email and person.email_verified):
        raise SignInRefused("The provider does not vouch for your e-mail address, so your account cannot be found.")
    user = user or query.find_user_by_email(person.email) or create_account(person)
    if not user.is_active:
        raise SignInRefused("This account may not sign in.")
    actions.link_identity(
        user.key, person.issuer, person.subject, Actor(user.key, Channel.PAGE, address=client_address())
    )
    return user


def create_account(person: openid_connect.OpenIdUser) -> User:
    """An account for somebody who has none. Raises NotTrusted where such are not made."""
    if not current_app.config["OIDC_CREATE"]:
        raise SignInRefused("There is no account of your e-mail address here. Ask whoever runs this portal for one.")
    try:
        return actions.add_user(person.email, person.name or person.email, "UTC", None)
    except InvalidParameter as error:
        raise SignInRefused("No account can be made of what the provider says of you.") from error

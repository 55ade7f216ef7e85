"""Signing in by an OpenID Connect provider, where one is configured."""

from __future__ import annotations

from flask import abort, current_app, session, url_for
from werkzeug.wrappers import Response as AnyResponse

from portal import hypermedia
from portal.accounts import actions, provider, query
from portal.accounts.pages.blueprint import blueprint, refuse
from portal.accounts.pages.signing_in import next_target, show_sign_in, signed_in
from portal.accounts.provider import NotTrusted
from portal.changes.actor import Actor
from portal.models import User, Way
from portal.parameters import BadParameter
from portal.requests import address

WANTED = "wanted"


@blueprint.get("/login/provider")
def ask_provider() -> AnyResponse:
    """To the provider, and from there back with who it is."""
    if not current_app.config["OIDC_ISSUER"]:
        abort(404)
    session[WANTED] = next_target()
    try:
        return provider.redirect_there(url_for(".provider_answered", _external=True))
    except NotTrusted as error:
        return show_sign_in(next_target(), problem=str(error), status=503)


@blueprint.get("/login/provider/back")
def provider_answered() -> AnyResponse:
    """Sign in whoever the provider says it is; what it says is checked first."""
    if not current_app.config["OIDC_ISSUER"]:
        abort(404)
    target = hypermedia.safe_target(session.pop(WANTED, ""), url_for("batches.list_batches"))
    try:
        user = account_of(provider.who_came_back())
    except NotTrusted as error:
        refuse(None, "provider")
        return show_sign_in(target, problem=str(error), status=403)
    return signed_in(user, "provider", target)


def account_of(person: provider.Person) -> User:
    """The account of a person whom the provider vouches for: linked before, of that address, or new where that is
    allowed. Raises NotTrusted."""
    user = query.find_linked_user(person.issuer, person.subject)
    if user is None and not (person.email and person.email_verified):
        raise NotTrusted("The provider does not vouch for your e-mail address, so your account cannot be found.")
    user = user or query.find_user_by_email(person.email) or new_account(person)
    if not user.is_active:
        raise NotTrusted("This account may not sign in.")
    actions.link_identity(user.key, person.issuer, person.subject, Actor(user.key, Way.PAGE, address=address()))
    return user


def new_account(person: provider.Person) -> User:
    """An account for somebody who has none. Raises NotTrusted where such are not made."""
    if not current_app.config["OIDC_CREATE"]:
        raise NotTrusted("There is no account of your e-mail address here. Ask whoever runs this portal for one.")
    try:
        return actions.add_user(person.email, person.name or person.email, "UTC", None)
    except BadParameter as error:
        raise NotTrusted("No account can be made of what the provider says of you.") from error

"""OpenID Connect with Authlib: the authorization code flow with PKCE, and the checks of the response."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.flask_client import OAuth
from flask import Flask, current_app
from joserfc.errors import JoseError
from requests import RequestException
from werkzeug.wrappers import Response

TIMEOUT_SECONDS = 10
PROVIDER_ERRORS = (AuthlibBaseError, JoseError, RequestException, KeyError, TypeError, ValueError, RuntimeError)


class SignInRefused(Exception):
    """A failed sign-in; the message is for the user."""


@dataclass(frozen=True)
class OpenIdUser:
    """A user as the provider identifies them; `subject` is the provider's permanent id."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str


def init_app(app: Flask) -> None:
    """Register the provider, if one is configured. It is not contacted before the first sign-in."""
    if not app.config["OIDC_ISSUER"]:
        return
    OAuth(app).register(
        "provider",
        client_id=app.config["OIDC_CLIENT_ID"],
        client_secret=app.config["OIDC_CLIENT_SECRET"],
        server_metadata_url=f"{app.config['OIDC_ISSUER']}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid email profile", "code_challenge_method": "S256", "timeout": TIMEOUT_SECONDS},
    )


def openid_client() -> Any:
    """Return Authlib's client of the provider."""
    return current_app.extensions["authlib.integrations.flask_client"].provider


def redirect_to_provider(callback: str) -> Response:
    """Redirect to the provider. State, nonce and PKCE verifier stay in the session. Raises SignInRefused."""
    try:
        return openid_client().authorize_redirect(callback)
    except PROVIDER_ERRORS as error:
        current_app.logger.warning("OpenID Connect: cannot reach the provider: %s", type(error).__name__)
        raise SignInRefused("The sign-in provider cannot be reached. Try again, or use your password.") from error


def read_identity() -> OpenIdUser:
    """Return the user that the provider's response identifies. Raises SignInRefused.

    State, signature, issuer, audience, expiry and nonce are checked (OpenID Connect Core 1.0, section 3.1.3.7).
    """
    issuer = current_app.config["OIDC_ISSUER"]
    try:
        claims = openid_client().authorize_access_token(claims_options={"iss": {"essential": True, "value": issuer}})[
            "userinfo"
        ]
        identity = OpenIdUser(
            issuer=str(claims["iss"]).rstrip("/"),
            subject=str(claims["sub"])[:255],
            email=str(claims.get("email") or ""),
            email_verified=claims.get("email_verified") is True,
            name=str(claims.get("name") or "")[:100],
        )
    except PROVIDER_ERRORS as error:
        current_app.logger.warning("OpenID Connect: invalid response: %s", type(error).__name__)
        raise SignInRefused(
            "The response of the sign-in provider is invalid. Try again, or use your password."
        ) from error
    if not identity.subject:
        raise SignInRefused("The sign-in provider did not identify you. Ask your administrator.")
    return identity

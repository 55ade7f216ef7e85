"""OpenID Connect, by Authlib: the code flow with PKCE, and the checks of what comes back."""

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
SIGN_IN_FAILED = (AuthlibBaseError, JoseError, RequestException, KeyError, TypeError, ValueError, RuntimeError)


class SignInRefused(Exception):
    """Nobody is signed in by this; the message is for the person."""


@dataclass(frozen=True)
class OpenIdUser:
    """Whom the provider vouches for; `subject` is its own lasting name for them."""

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str


def init_app(app: Flask) -> None:
    """Tie the provider to the app, where one is configured. Nothing is asked of it before somebody signs in."""
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
    """Authlib's client of the provider."""
    return current_app.extensions["authlib.integrations.flask_client"].provider


def redirect_to_provider(back: str) -> Response:
    """To the provider's page; state, nonce and PKCE's verifier stay in the session. Raises NotTrusted."""
    try:
        return openid_client().authorize_redirect(back)
    except SIGN_IN_FAILED as error:
        current_app.logger.warning("OpenID Connect: the provider cannot be asked: %s", type(error).__name__)
        raise SignInRefused("The sign-in provider cannot be reached. Try again, or use your password.") from error


def read_identity() -> OpenIdUser:
    """Whom the provider vouches for in the answer that this request brings. Raises NotTrusted.

    State, signature, issuer, audience, expiry and nonce are checked (OpenID Connect Core 1.0, section 3.1.3.7).
    """
    issuer = current_app.config["OIDC_ISSUER"]
    try:
        claims = openid_client().authorize_access_token(claims_options={"iss": {"essential": True, "value": issuer}})[
            "userinfo"
        ]
        person = OpenIdUser(
            issuer=str(claims["iss"]).rstrip("/"),
            subject=str(claims["sub"])[:255],
            email=str(claims.get("email") or ""),
            email_verified=claims.get("email_verified") is True,
            name=str(claims.get("name") or "")[:100],
        )
    except SIGN_IN_FAILED as error:
        current_app.logger.warning("OpenID Connect: the answer is not trusted: %s", type(error).__name__)
        raise SignInRefused(
            "The sign-in provider's answer cannot be trusted. Try again, or use your password."
        ) from error
    if not person.subject:
        raise SignInRefused("The sign-in provider does not say who you are.")
    return person

"""OpenID Connect with Authlib: the authorization code flow with PKCE, the checks of the response, and logout.

The session cookie holds at most one visit to the provider: the last one that was started.
"""

from __future__ import annotations

import time
from dataclasses import astuple, dataclass
from enum import StrEnum
from hmac import compare_digest
from typing import Any

from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client import OAuth2Mixin, OpenIDMixin
from authlib.integrations.requests_client import OAuth2Session
from flask import Flask, current_app, session
from joserfc.errors import JoseError
from requests import RequestException

from portal.models import User
from portal.provider_settings import is_secure_url
from portal.times import now_ms

TIMEOUT_SECONDS = 10
METADATA_SECONDS = 3600  # keys that the provider withdraws are forgotten after this time
PROVIDER_ERRORS = (AuthlibBaseError, JoseError, RequestException, KeyError, TypeError, ValueError, RuntimeError)

ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
LOGOUT_ENDPOINT = "end_session_endpoint"
ALGORITHMS_FIELD = "id_token_signing_alg_values_supported"
# Signatures by the provider's key pair: never "none", and never a hash keyed with the client secret.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519")

# Key of the pending visit in the session cookie.
VISIT = "visit"
VISIT_MS = 10 * 60_000
CLOCK_TOLERANCE_SECONDS = 120
MAX_ID_TOKEN_LENGTH = 4000  # of the logout URL, which contains it
MAX_TARGET_LENGTH = 500  # browsers drop a cookie of more than 4 kB


class InvalidMetadata(ValueError):
    """The provider's metadata contradict the settings; the message is for the log."""


class SignInRefused(Exception):
    """A failed sign-in; the message is for the user, `user` for the audit log."""

    def __init__(self, message: str, user: User | None = None) -> None:
        super().__init__(message)
        self.user = user


class Purpose(StrEnum):
    """The reason of a visit to the provider."""

    SIGN_IN = "sign-in"
    CONFIRM = "confirm"  # a signed-in user authenticates again


@dataclass(frozen=True)
class Visit:
    """A visit to the provider that has not ended; `started_at` in milliseconds."""

    purpose: str
    state: str
    nonce: str
    code_verifier: str
    started_at: int
    target: str


@dataclass(frozen=True)
class OpenIdUser:
    """A user as the provider identifies them; `subject` is the provider's permanent id.

    `authenticated_at` is in seconds, 0 if the provider does not say when the user authenticated.
    """

    issuer: str
    subject: str
    email: str
    email_verified: bool
    name: str
    authenticated_at: float
    id_token: str


class ProviderClient(OAuth2Mixin, OpenIDMixin):
    """Authlib's client of one provider, with checked metadata. Redirects of the provider's endpoints are errors."""

    client_cls = OAuth2Session

    def __init__(self, issuer: str, client_id: str, client_secret: str) -> None:
        super().__init__(
            None,
            client_id=client_id,
            client_secret=client_secret,
            client_kwargs={
                "scope": "openid email profile",
                "code_challenge_method": "S256",
                "default_timeout": TIMEOUT_SECONDS,
                "max_redirects": 0,
            },
        )
        self.issuer = issuer
        self.server_metadata: dict[str, Any] = {}

    def load_server_metadata(self) -> dict[str, Any]:
        """Return the provider's metadata, at most METADATA_SECONDS old. Raises PROVIDER_ERRORS."""
        if time.time() - self.server_metadata.get("_loaded_at", 0) > METADATA_SECONDS:
            # A final "/" of the issuer is removed from the address only (OpenID Connect Discovery 1.0, section 4.1).
            address = f"{self.issuer.rstrip('/')}/.well-known/openid-configuration"
            with self._get_session() as http:
                response = http.get(address, withhold_token=True)
                response.raise_for_status()
                metadata = check_metadata(response.json(), self.issuer)
            self.server_metadata = metadata | {"_loaded_at": time.time()}
        return self.server_metadata


def check_metadata(metadata: dict[str, Any], issuer: str) -> dict[str, Any]:
    """Return a provider's metadata, limited to safe algorithms and URLs. Raises InvalidMetadata."""
    if metadata.get("issuer") != issuer:  # Discovery, section 4.3: exactly, with or without a final "/"
        raise InvalidMetadata(f"the provider calls itself {metadata.get('issuer')!r}; set OIDC_ISSUER to the same text")
    for name in (*ENDPOINTS, LOGOUT_ENDPOINT):
        url = metadata.get(name)
        if (url or name != LOGOUT_ENDPOINT) and not (isinstance(url, str) and is_secure_url(url)):
            raise InvalidMetadata(f"{name} of the provider is no https:// URL")
    algorithms = [name for name in metadata.get(ALGORITHMS_FIELD) or ["RS256"] if name in ALGORITHMS]
    if not algorithms:
        raise InvalidMetadata("the provider signs with none of the supported algorithms")
    return metadata | {ALGORITHMS_FIELD: algorithms}


def init_app(app: Flask) -> None:
    """Create the client, if a provider is configured. It is not contacted before the first sign-in."""
    config = app.config
    if config["OIDC_ISSUER"]:
        app.extensions["provider"] = ProviderClient(
            config["OIDC_ISSUER"], config["OIDC_CLIENT_ID"], config["OIDC_CLIENT_SECRET"]
        )


def provider_client() -> ProviderClient:
    """Return the client of the configured provider."""
    client: ProviderClient = current_app.extensions["provider"]
    return client


def start_visit(callback: str, purpose: Purpose, target: str) -> str:
    """Start a visit, in place of an earlier one, and return the provider's URL. Raises SignInRefused.

    State, nonce and PKCE verifier stay in the session. To confirm, the provider must authenticate the user again.
    """
    again = {"prompt": "login", "max_age": "0"} if purpose is Purpose.CONFIRM else {}
    try:
        sent = provider_client().create_authorization_url(callback, **again)
    except PROVIDER_ERRORS as error:
        log_failure("cannot reach the provider", error)
        raise SignInRefused("The sign-in provider cannot be reached. Try again, or use your password.") from error
    visit = Visit(
        purpose,
        sent["state"],
        sent["nonce"],
        sent["code_verifier"],
        now_ms(),
        target if len(target) <= MAX_TARGET_LENGTH else "",
    )
    session[VISIT] = astuple(visit)
    return str(sent["url"])


def take_visit(state: str) -> Visit | None:
    """Return and forget the visit that a response belongs to, or None. Other responses leave it pending."""
    visit = Visit(*session[VISIT]) if VISIT in session else None
    if visit is None or not compare_digest(visit.state.encode(), state.encode(errors="replace")):
        return None
    session.pop(VISIT)
    return visit if 0 <= now_ms() - visit.started_at < VISIT_MS else None


def read_identity(visit: Visit | None, code: str, issuer: str, callback: str) -> OpenIdUser:
    """Return the user that the provider's response identifies. Raises SignInRefused.

    Signature, issuer, audience, expiry and nonce are checked (OpenID Connect Core 1.0, section 3.1.3.7), and `issuer`,
    which the response may contain (RFC 9207).
    """
    client = provider_client()
    try:
        if visit is None or not code or issuer not in ("", client.issuer):
            raise ValueError("no pending visit, no code, or another issuer")
        token = client.fetch_access_token(redirect_uri=callback, code=code, code_verifier=visit.code_verifier)
        required = {
            "iss": {"essential": True, "value": client.issuer},
            "aud": {"essential": True, "value": client.client_id},
        }
        claims = client.parse_id_token(
            token, nonce=visit.nonce, claims_options=required, leeway=CLOCK_TOLERANCE_SECONDS
        )
        return identity_of(claims, token["id_token"])
    except PROVIDER_ERRORS as error:
        log_failure("invalid response", error)
        raise SignInRefused(
            "The response of the sign-in provider is invalid. Try again, or use your password."
        ) from error


def identity_of(claims: dict[str, Any], id_token: str) -> OpenIdUser:
    """Return the user of valid claims. Raises ValueError without a usable subject."""
    subject, email, name = (read_text(claims.get(claim)) for claim in ("sub", "email", "name"))
    if not (0 < len(subject) <= 255 and subject.isascii() and subject.isprintable()):  # Core, section 2
        raise ValueError("sub must be 1 to 255 ASCII characters")
    authenticated_at = claims.get("auth_time") or 0
    return OpenIdUser(
        issuer=str(claims["iss"]),
        subject=subject,
        email=email,
        email_verified=claims.get("email_verified") is True,
        name=name,
        authenticated_at=authenticated_at if isinstance(authenticated_at, int | float) else 0,
        id_token=id_token if len(id_token) <= MAX_ID_TOKEN_LENGTH else "",
    )


def read_text(claim: object) -> str:
    """Return a claim that is text, else ""."""
    return claim if isinstance(claim, str) else ""


def has_confirmed(identity: OpenIdUser, visit: Visit) -> bool:
    """Return whether the user authenticated at the provider during the visit."""
    return identity.authenticated_at >= visit.started_at / 1000 - CLOCK_TOLERANCE_SECONDS


def logout_url(id_token: str, target: str) -> str:
    """Return the URL that signs the user out at the provider and leads back to `target`; "" if that is not possible.

    OpenID Connect RP-Initiated Logout 1.0, section 2.
    """
    try:
        client = provider_client()
        if not client.load_server_metadata().get(LOGOUT_ENDPOINT):
            return ""
        return str(client.create_logout_url(target, id_token or None, client_id=client.client_id)["url"])
    except PROVIDER_ERRORS as error:
        log_failure("cannot sign out", error)
        return ""


def log_failure(what: str, error: Exception) -> None:
    """Log why the provider cannot be used, without anything that a response contains."""
    reason = str(error) if isinstance(error, InvalidMetadata) else type(error).__name__
    current_app.logger.warning("OpenID Connect: %s: %s", what, reason)

"""An OpenID Connect provider for tests: a small local server that signs the claims a test sets."""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask, jsonify, request
from flask.testing import FlaskClient
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server
from werkzeug.test import TestResponse


class Provider:
    """Serves discovery, keys and the token endpoint.

    `claims` override those of a valid id_token, `metadata` the discovery document.
    """

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.signed_with = self.key
        self.claims: dict[str, Any] = {}
        self.metadata: dict[str, Any] = {}
        self.algorithm = "RS256"
        self.fails = False
        self.nonce = ""
        self.verifiers: list[str] = []
        self.request: dict[str, str] = {}
        app = Flask("provider")
        app.get("/.well-known/openid-configuration")(self.discovery)
        app.get("/keys")(lambda: jsonify(keys=[self.key.as_dict(private=False)]))
        app.post("/token")(self.token)
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def discovery(self) -> Any:
        """Return the discovery document."""
        address = self.issuer.rstrip("/")
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{address}/authorize",
            "token_endpoint": f"{address}/token",
            "jwks_uri": f"{address}/keys",
            "end_session_endpoint": f"{address}/logout",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"],
        } | self.metadata

    def token(self) -> Any:
        """Return the id_token for a code."""
        if self.fails:
            return jsonify(error="server_error"), 500
        self.verifiers.append(request.form.get("code_verifier", ""))
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": "someone-1",
            "aud": "portal",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "email": "owner@example.com",
            "email_verified": True,
        } | self.claims
        header = {"alg": self.algorithm, "kid": "one"}
        signed = jwt.encode(header, claims, self.signed_with, algorithms=[self.algorithm])
        return jsonify(access_token="unused", token_type="Bearer", id_token=signed)

    def approve(self, location: str) -> dict[str, str]:
        """Approve the sign-in, and return the parameters of the redirect back to the portal."""
        parameters = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert parameters["code_challenge_method"] == "S256"
        assert parameters["scope"].split()[0] == "openid"
        self.nonce = parameters["nonce"]
        self.request = parameters
        return {"code": "a code", "state": parameters["state"]}

    def reset(self) -> None:
        """Send valid claims and metadata again."""
        self.claims, self.metadata, self.signed_with, self.algorithm = {}, {}, self.key, "RS256"
        self.fails = False


BACK = "/login/provider/back"
CLIENT_SECRET = "a client secret only for tests"


def sign_in_with(client: FlaskClient, provider: Provider, **changed: str) -> TestResponse:
    """Approve the sign-in at the provider, and follow the redirect back."""
    redirect = client.get("/login/provider?next=/settings/tokens")
    assert redirect.location.startswith(f"{provider.issuer}/authorize?")
    return client.get(BACK, query_string=provider.approve(redirect.location) | changed)

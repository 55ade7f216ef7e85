"""An OpenID Connect provider of the tests' own: a small server on this machine that signs what it is told to say."""

from __future__ import annotations

import threading
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from flask import Flask, jsonify, request
from joserfc import jwt
from joserfc.jwk import RSAKey
from werkzeug.serving import make_server


class Provider:
    """Answers discovery, keys and the token endpoint. `claims` are laid over what a good id_token says."""

    def __init__(self) -> None:
        self.key = RSAKey.generate_key(2048, {"kid": "one"})
        self.signed_with = self.key
        self.claims: dict[str, Any] = {}
        self.fails = False
        self.nonce = ""
        self.verifiers: list[str] = []
        app = Flask("provider")
        app.get("/.well-known/openid-configuration")(self.discovery)
        app.get("/keys")(lambda: jsonify(keys=[self.key.as_dict(private=False)]))
        app.post("/token")(self.token)
        self.server = make_server("127.0.0.1", 0, app, threaded=True)
        self.issuer = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def discovery(self) -> Any:
        """What there is, and where."""
        return jsonify(
            issuer=self.issuer,
            authorization_endpoint=f"{self.issuer}/authorize",
            token_endpoint=f"{self.issuer}/token",
            jwks_uri=f"{self.issuer}/keys",
            response_types_supported=["code"],
            subject_types_supported=["public"],
            id_token_signing_alg_values_supported=["RS256"],
        )

    def token(self) -> Any:
        """The id_token for a code."""
        if self.fails:
            return jsonify(error="server_error"), 500
        self.verifiers.append(request.form.get("code_verifier", ""))
        now = int(time.time())
        said = {
            "iss": self.issuer,
            "sub": "someone-1",
            "aud": "portal",
            "iat": now,
            "exp": now + 300,
            "nonce": self.nonce,
            "email": "owner@example.com",
            "email_verified": True,
        } | self.claims
        signed = jwt.encode({"alg": "RS256", "kid": "one"}, said, self.signed_with)
        return jsonify(access_token="unused", token_type="Bearer", id_token=signed)

    def agreed(self, location: str) -> dict[str, str]:
        """The person agrees on the page that the portal led to; what the provider sends them back with."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(location).query).items()}
        assert asked["code_challenge_method"] == "S256"
        assert asked["scope"].split()[0] == "openid"
        self.nonce = asked["nonce"]
        return {"code": "a code", "state": asked["state"]}

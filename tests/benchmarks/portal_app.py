"""The portal as shipped, with additional no-op routes: the minimum cost of each kind of request."""

from __future__ import annotations

from flask import Flask
from flask_login import login_required

from portal import create_app
from portal.accounts.bearer import authenticate


def add_noop_routes(app: Flask) -> Flask:
    """Add the routes: no-op, token check only, session check only."""

    @app.get("/bench/nothing")
    def nothing() -> str:
        return "nothing"

    @app.get("/bench/bearer")
    def with_bearer() -> str:
        authenticate()
        return "nothing"

    @app.get("/bench/session")
    @login_required
    def with_session() -> str:
        return "nothing"

    return app


app = add_noop_routes(create_app())

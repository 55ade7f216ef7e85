"""The portal as it is shipped, and beside it routes that do nothing: the floor under each kind of request."""

from __future__ import annotations

from flask import Flask
from flask_login import login_required

from portal import create_app
from portal.accounts.bearer import authenticate


def add_floors(app: Flask) -> Flask:
    """The app with its floors: nothing; nothing but the token's check; nothing but the session's."""

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


app = add_floors(create_app())

"""Sign-in through the portal's own form, for clients of every kind."""

from __future__ import annotations

from flask import Flask
from flask.testing import FlaskClient

from portal.models import User
from tests.support.builders import PASSWORD


def csrf_token(html: str) -> str:
    """Return the CSRF token of a page's form; empty if it has none."""
    return html.partition('name="csrf_token" value="')[2].partition('"')[0]


def sign_in(app: Flask, user: User, password: str = PASSWORD) -> FlaskClient:
    """Return a client with a session of the user."""
    client = app.test_client()
    token = csrf_token(client.get("/login").text)
    response = client.post("/login", data={"email": user.email, "password": password, "csrf_token": token})
    assert response.status_code == 303, response.text
    return client

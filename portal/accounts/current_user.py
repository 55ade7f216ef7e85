"""Current user."""

from __future__ import annotations

from dataclasses import replace

from flask import current_app
from flask_login import current_user

from portal.accounts.query import Lifetimes
from portal.models.actor import Actor
from portal.web.request_hooks import client_address


def session_lifetimes() -> Lifetimes:
    """How long a session lasts here."""
    return Lifetimes.of(current_app.config)


def current_actor() -> Actor:
    """Whoever is signed in, as somebody who changes something."""
    return replace(current_user.actor, address=client_address())

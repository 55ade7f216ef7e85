"""The signed-in user of a request."""

from __future__ import annotations

from dataclasses import replace

from flask import current_app
from flask_login import current_user

from portal.accounts.query import Lifetimes
from portal.models.actor import Actor
from portal.web.request_hooks import client_address


def session_lifetimes() -> Lifetimes:
    """Return the configured lifetimes of sessions."""
    return Lifetimes.of(current_app.config)


def current_actor() -> Actor:
    """Return the signed-in user as the author of a change."""
    return replace(current_user.actor, address=client_address())

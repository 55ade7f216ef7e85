"""Limit blueprints to admins."""

from __future__ import annotations

from flask import abort
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.extensions import login_manager


def require_admin() -> Response | None:
    """Redirect visitors to the sign-in page and answer 404 to users who are not admins; runs before every view."""
    if not current_user.is_authenticated:
        return login_manager.unauthorized()
    return None if current_user.is_admin else abort(404)

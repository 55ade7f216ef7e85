"""Who may see the pages of admins."""

from __future__ import annotations

from flask import abort
from flask_login import current_user
from werkzeug.wrappers import Response

from portal.extensions import login_manager


def require_admin() -> Response | None:
    """Runs before every view of a blueprint: to sign-in who is not signed in; 404, as if there was nothing, who is
    no admin."""
    if not current_user.is_authenticated:
        return login_manager.unauthorized()
    return None if current_user.is_admin else abort(404)

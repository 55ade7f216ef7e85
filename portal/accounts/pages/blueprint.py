"""What every page of accounts shares: who is signed in, and from where."""

from __future__ import annotations

from flask import Blueprint, g, request, session, url_for
from flask_login import current_user, login_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, query
from portal.accounts.current_user import current_actor, session_lifetimes
from portal.accounts.presenter import current_user_view
from portal.accounts.query import SessionUser
from portal.extensions import login_manager
from portal.models import Channel, User
from portal.models.actor import Actor
from portal.telemetry import metrics
from portal.times import now_ms
from portal.web import htmx
from portal.web.request_hooks import client_address

blueprint = Blueprint("accounts", __name__)

# What a page's own asking for its figures carries (static/refresh.js): it keeps nobody signed in.
REFRESH = "X-Refresh"
TOUCH_MS = 60_000


@login_manager.user_loader
def load_user(session_id: str) -> SessionUser | None:
    """Whoever's session this is; that it is used is written down, once a minute at most."""
    now = now_ms()
    user = query.find_session_user(session_id, session_lifetimes(), now)
    if user and now - user.seen_at >= TOUCH_MS and REFRESH not in request.headers:
        actions.record_session_use(user.session_key)
    return user


@login_manager.unauthorized_handler
def redirect_to_sign_in() -> AnyResponse:
    """To the sign-in page, and afterwards back; htmx is led there whole, never with a form inside the table."""
    return htmx.redirect_browser(url_for("accounts.sign_in", next=htmx.current_page_address()), 401)


@blueprint.app_context_processor
def inject_current_user() -> dict[str, object]:
    """What every page shows of whoever reads it: nothing where nobody is signed in, or the database cannot tell."""
    try:
        return {
            "reader": current_user_view(current_user._get_current_object()) if current_user.is_authenticated else None
        }
    except SQLAlchemyError:
        return {"reader": None}


def refuse_sign_in(user: User | None, why: str, *, trail: bool = True) -> None:
    """Count that somebody was not let in, and write it down (None = the address has no account)."""
    metrics.sign_ins_refused.labels(why).inc()
    if trail:
        actions.log_refused_sign_in(user.key if user else None, client_address(), why)


def end_browser_session() -> None:
    """End the session that this browser has, if any: who signs in anew leaves none behind."""
    if current_user.is_authenticated:
        actions.end_session(current_user.key, current_user.session_key, current_actor())


def start_browser_session(user: User, how: str) -> None:
    """A session of the user under a new id, with nothing left in it of whoever was here before."""
    end_browser_session()
    session_id = actions.start_session(
        user.key, session_lifetimes(), Actor(user.key, Channel.PAGE, address=client_address()), how
    )
    session.clear()
    g.pop("csrf_token", None)
    login_user(query.find_session_user(session_id, session_lifetimes(), now_ms()))
    session.permanent = True

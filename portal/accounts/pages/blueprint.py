"""What every page of accounts shares: who is signed in, and from where."""

from __future__ import annotations

from flask import Blueprint, g, request, session, url_for
from flask_login import current_user, login_user
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.wrappers import Response as AnyResponse

from portal import hypermedia
from portal.accounts import actions, query
from portal.accounts.current_user import lifetimes, me
from portal.accounts.presenter import reader_view
from portal.accounts.query import SessionUser
from portal.changes.actor import Actor
from portal.extensions import login_manager
from portal.models import User, Way
from portal.requests import address
from portal.running import metrics
from portal.times import now_ms

blueprint = Blueprint("accounts", __name__)

# What a page's own asking for its figures carries (static/refresh.js): it keeps nobody signed in.
REFRESH = "X-Refresh"
TOUCH_MS = 60_000


@login_manager.user_loader
def load_user(session_id: str) -> SessionUser | None:
    """Whoever's session this is; that it is used is written down, once a minute at most."""
    now = now_ms()
    user = query.find_session_user(session_id, lifetimes(), now)
    if user and now - user.seen_at >= TOUCH_MS and REFRESH not in request.headers:
        actions.touch_session(user.session_key)
    return user


@login_manager.unauthorized_handler
def signed_out() -> AnyResponse:
    """To the sign-in page, and afterwards back; htmx is led there whole, never with a form inside the table."""
    return hypermedia.send_to(url_for("accounts.sign_in", next=hypermedia.shown_address()), 401)


@blueprint.app_context_processor
def reader() -> dict[str, object]:
    """What every page shows of whoever reads it: nothing where nobody is signed in, or the database cannot tell."""
    try:
        return {"reader": reader_view(current_user._get_current_object()) if current_user.is_authenticated else None}
    except SQLAlchemyError:
        return {"reader": None}






def refuse(user: User | None, why: str, *, trail: bool = True) -> None:
    """Count that somebody was not let in, and write it down (None = the address has no account)."""
    metrics.sign_ins_refused.labels(why).inc()
    if trail:
        actions.refuse_sign_in(user.key if user else None, address(), why)


def leave_session() -> None:
    """End the session that this browser has, if any: who signs in anew leaves none behind."""
    if current_user.is_authenticated:
        actions.end_session(current_user.key, current_user.session_key, me())


def start_session(user: User, how: str) -> None:
    """A session of the user under a new id, with nothing left in it of whoever was here before."""
    leave_session()
    session_id = actions.start_session(user.key, lifetimes(), Actor(user.key, Way.PAGE, address=address()), how)
    session.clear()
    g.pop("csrf_token", None)
    login_user(query.find_session_user(session_id, lifetimes(), now_ms()))
    session.permanent = True

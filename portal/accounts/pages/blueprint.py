"""The blueprint of accounts: browser sessions, and the signed-in user of every page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from flask import Blueprint, flash, g, request, session, url_for
from flask_login import current_user, login_user
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, query
from portal.accounts.current_user import current_actor, find_required_step, session_lifetimes
from portal.accounts.presenter import current_user_view
from portal.accounts.query import Credentials, CredentialsChanged, SessionUser
from portal.extensions import login_manager
from portal.models import Channel, User
from portal.models.actor import Actor
from portal.telemetry import metrics
from portal.times import now_ms
from portal.web import htmx
from portal.web.refresh import is_refresh
from portal.web.request_hooks import client_address
from portal.web.sessions import is_api, is_monitoring_path

blueprint = Blueprint("accounts", __name__)

USE_INTERVAL_MS = 60_000


# What a user who must complete a page first can still open, by the endpoint of that page.
STEP_ENDPOINTS = {
    "accounts.new_password": {"accounts.new_password", "accounts.change_password"},
    "accounts.second_factor": {
        "accounts.second_factor",
        "accounts.offer_second_factor",
        "accounts.turn_on_second_factor",
    },
}
OPEN_ENDPOINTS = {"static", "accounts.sign_out"}


@blueprint.before_app_request
def require_step() -> AnyResponse | None:
    """Redirect to the page that the user must complete first, if there is one. The API has no sessions."""
    if is_api(request.path) or is_monitoring_path(request.path) or request.endpoint in OPEN_ENDPOINTS:
        return None
    if "_user_id" not in session or not current_user.is_authenticated:
        return None
    step = find_required_step(current_user)
    is_open = not step or request.endpoint in STEP_ENDPOINTS[step]
    return None if is_open else htmx.redirect_browser(url_for(step))


@login_manager.user_loader
def load_user(session_id: str) -> SessionUser | None:
    """Return the user of a session, and store at most once a minute that the session is in use."""
    now = now_ms()
    user = query.find_session_user(session_id, session_lifetimes(), now)
    if user and now - user.seen_at >= USE_INTERVAL_MS and not is_refresh():  # a refresh is no use
        actions.record_session_use(user.session_key)
    return user


@login_manager.unauthorized_handler
def redirect_to_sign_in() -> AnyResponse:
    """Redirect to the sign-in page, and back afterwards. For htmx, redirect the whole browser window."""
    return htmx.redirect_browser(url_for("accounts.sign_in", next=htmx.current_page_address()), 401)


@blueprint.app_context_processor
def inject_current_user() -> dict[str, object]:
    """Return `reader` for templates: None for visitors, and on the error page of a failure to load the user.

    `has_session` says whether the browser has a session, whose user may be unknown for now.
    """
    try:
        is_signed_in = current_user.is_authenticated
        reader = current_user_view(current_user._get_current_object()) if is_signed_in else None
        return {"reader": reader, "has_session": is_signed_in}
    except Exception:  # the error that the page reports
        return {"reader": None, "has_session": "_user_id" in session}


@blueprint.app_errorhandler(CredentialsChanged)
def refuse_changed_credentials(_error: CredentialsChanged) -> AnyResponse:
    """Redirect to the sign-in page, which a user whose session continues passes through."""
    flash("Your account changed in the meantime, so nothing was done. Try again.", "problem")
    return redirect_to_sign_in()


def record_refused_sign_in(user: User | None, why: str, *, audit: bool = True) -> None:
    """Count a refused sign-in and log it; `user` None = the email address has no account."""
    metrics.sign_ins_refused.labels(why).inc()
    if audit:
        actions.log_refused_sign_in(user.key if user else None, client_address(), why)


def end_browser_session() -> None:
    """End the browser's current session, if any, so that a new sign-in leaves none behind."""
    if current_user.is_authenticated:
        actions.end_session(current_user.key, current_user.session_key, current_actor())


def start_browser_session(
    checked: Credentials,
    how: str,
    *,
    by_provider: bool = False,
    id_token: str | None = None,
    confirm: Callable[[], None] | None = None,
) -> None:
    """Start a session with a new id and without data of the previous one. Raises as `actions.start_session` does."""
    end_browser_session()  # first, because SQLite gives the key of a deleted row to the next one
    actor = page_actor(checked.user_key)
    session_id = actions.start_session(
        checked, session_lifetimes(), actor, how, by_provider=by_provider, id_token=id_token, confirm=confirm
    )
    session.clear()
    g.pop("csrf_token", None)
    user = query.find_session_user(session_id, session_lifetimes(), now_ms())
    if user is None:  # a concurrent request has ended all sessions
        raise CredentialsChanged
    login_user(user)
    session.permanent = True


def confirm_browser_session() -> None:
    """Store that the signed-in user has just proved their identity again, and give the session a new id."""
    user = current_user._get_current_object()
    session_id = actions.confirm_session(user.credentials, current_actor())
    login_user(replace(user, session_id=session_id, confirmed_at=now_ms()))


def page_actor(user_key: int) -> Actor:
    """Return a user who is signing in as the author of a change."""
    return Actor(user_key, Channel.PAGE, address=client_address())

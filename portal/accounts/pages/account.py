"""The account page: settings, password, sessions and recent activity."""

from __future__ import annotations

from flask import Response, current_app, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, identity_query, query, throttle
from portal.accounts.current_user import current_actor, find_required_step, session_lifetimes
from portal.accounts.pages.blueprint import blueprint, confirm_browser_session
from portal.accounts.pages.signing_in import complete_sign_in
from portal.accounts.parameters import AccountForm, PasswordForm
from portal.accounts.passwords import NO_PASSWORD, verify_password
from portal.accounts.presenter import link_view, session_view
from portal.accounts.query import Credentials
from portal.accounts.throttle import TooManyAttempts
from portal.audit import query as audit_query
from portal.audit.presenter import audit_entry_view
from portal.times import now_ms
from portal.web import htmx
from portal.web.parameters import parse_form
from portal.web.rendering import render

KEY_LIMIT = 1 << 63  # integers from here on cannot be bound by either database


@blueprint.get("/settings/account")
@login_required
def account() -> Response:
    """Return the account page."""
    return show_account({})


@blueprint.post("/settings/account")
@login_required
def change_account() -> AnyResponse:
    """Change name, time zone and region."""
    parsed = parse_form(request.form, AccountForm)
    if parsed.problems:
        return show_account(parsed.problems)
    form = parsed.values
    actions.change_account(current_user.key, form.name, form.zone, form.region, current_actor())
    flash("Saved.")
    return htmx.redirect_browser(url_for(".account"))


@blueprint.get("/settings/password")
@login_required
def new_password() -> AnyResponse:
    """Return the page that replaces a temporary password; otherwise redirect to the account page."""
    if find_required_step(current_user) == "accounts.new_password":
        return show_password_form({})
    return htmx.redirect_browser(url_for(".account"))


@blueprint.post("/settings/password")
@login_required
def change_password() -> AnyResponse:
    """Change the password and end all other sessions; the current one continues with a new id."""
    if problem := check_current_password(request.form.get("current", "")):
        return show_password_form({"current": problem})
    fields = request.form.to_dict() | {"email": current_user.email, "name": current_user.name}
    parsed = parse_form(fields, PasswordForm)
    if parsed.problems:
        return show_password_form(parsed.problems)
    new, is_temporary = parsed.values.password, current_user.temporary_until is not None
    if is_temporary and new == parsed.values.current:
        return show_password_form({"password": "password must be different from the temporary one"})
    by, by_provider = current_actor(), current_user.by_provider
    user = actions.change_password(current_user.key, new, by, checked=current_user.credentials)
    target = url_for("batches.list_batches" if is_temporary else ".account")
    response = complete_sign_in(Credentials.of(user), "new password", target, by_provider=by_provider)
    flash("Password changed. All other sessions ended.")
    return response


def check_current_password(password: str) -> str:
    """Return the problem with the current password, or "" once it has confirmed the session.

    Attempts are limited against misuse of an open screen. Raises CredentialsChanged.
    """
    subject = throttle.attempt_subject("present", current_user.id, current_user)
    try:
        throttle.count_attempt(*subject, "SIGN_IN_TRIES")
    except TooManyAttempts as error:
        log_refused_check("too many tries", audit=error.is_first)
        return f"current password had too many attempts; try again in {error.wait}"
    if not verify_password(password, current_user.password_hash):
        log_refused_check("password")
        return "current password is incorrect"
    throttle.clear_attempts(*subject)
    confirm_browser_session()
    return ""


def log_refused_check(why: str, *, audit: bool = True) -> None:
    """Log a wrong password or code of the signed-in user; of those above the limit only the first."""
    if audit:
        actions.log_refused_credentials(current_user.key, current_actor(), why)


def show_password_form(problems: dict[str, str]) -> Response:
    """Return the account page with the problems of the password form, or the page that replaces a temporary one."""
    if find_required_step(current_user) == "accounts.new_password":
        return render("accounts/new_password.html", problems=problems)
    return show_account(problems)


def show_account(problems: dict[str, str]) -> Response:
    """Return the account page with each problem beside its field."""
    lifetimes = session_lifetimes()
    return render(
        "accounts/account.html",
        problems=problems,
        form=request.form,
        lifetimes=lifetimes,
        sessions=[
            session_view(row, current_user.session_key)
            for row in query.list_sessions(current_user.key, lifetimes, now_ms())
        ],
        has_password=current_user.password_hash != NO_PASSWORD,
        has_second_factor=current_user.has_second_factor,
        links=[link_view(link) for link in identity_query.list_identities(current_user.key)],
        provider=current_app.config["OIDC_NAME"] if current_app.config["OIDC_ISSUER"] else "",
        entries=[audit_entry_view(row) for row in audit_query.recent_account_events(current_user.key)],
    )

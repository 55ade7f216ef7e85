"""The page of API tokens: create and revoke."""

from __future__ import annotations

from flask import Response, current_app, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, query
from portal.accounts.current_user import current_actor, is_confirmed
from portal.accounts.pages.blueprint import blueprint
from portal.accounts.pages.confirmation import require_confirmation
from portal.accounts.parameters import TokenForm
from portal.accounts.presenter import token_view
from portal.ids import parse_id
from portal.models import Scope
from portal.times import now_ms
from portal.web import htmx
from portal.web.parameters import InvalidParameter, ParsedParameters, parse_form
from portal.web.rendering import render


@blueprint.get("/settings/tokens")
@login_required
def tokens() -> Response:
    """Return the list of tokens and the form for a new one."""
    return show_tokens()


@blueprint.post("/settings/tokens")
@login_required
def add_token() -> AnyResponse:
    """Create a token and show it once, if the user has proved their identity recently."""
    if response := require_confirmation(url_for(".tokens")):
        return response
    fields = {name: value for name, value in request.form.items() if value}
    parsed = parse_form(fields, TokenForm, {"scopes": request.form.getlist("scopes")})
    if parsed.problems:
        return show_tokens(parsed)
    form = parsed.values
    try:
        token, text = actions.add_token(current_user.key, form.name, frozenset(form.scopes), form.days, current_actor())
    except InvalidParameter as error:
        return show_tokens(ParsedParameters(form, error.problems))
    return show_tokens(new_token=(token.name, text))


@blueprint.post("/settings/tokens/<token_id>/revoke")
@login_required
def revoke_token(token_id: str) -> AnyResponse:
    """Revoke a token. For an unknown or revoked one, only show the list."""
    parsed = parse_id(token_id)
    if parsed and actions.revoke_token(current_user.key, parsed, current_actor()):
        flash("Token revoked. Programs that use it now get 401.")
    return htmx.redirect_browser(url_for(".tokens"))


def show_tokens(
    parsed: ParsedParameters[TokenForm] | None = None, new_token: tuple[str, str] | None = None
) -> Response:
    """Return the page, with the problems of the form, or with the name and text of a new token."""
    now = now_ms()
    return render(
        "accounts/tokens.html",
        tokens=[token_view(token, now) for token in query.list_tokens(current_user.key)],
        scopes=Scope,
        problems=parsed.problems if parsed else {},
        form=request.form,
        new_token=new_token,
        is_confirmed=is_confirmed(),
        max_days=current_app.config["TOKEN_MAX_DAYS"],
        list_address=url_for("batches_api.list_batches", user_id=current_user.id, _external=True),
    )

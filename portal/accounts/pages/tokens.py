"""The account's tokens: made, shown once, revoked."""

from __future__ import annotations

from flask import Response, flash, request, url_for
from flask_login import current_user, login_required
from werkzeug.wrappers import Response as AnyResponse

from portal.accounts import actions, query
from portal.accounts.current_user import current_actor
from portal.accounts.pages.blueprint import blueprint
from portal.accounts.parameters import TokenForm
from portal.accounts.presenter import token_view
from portal.ids import parse_id
from portal.times import now_ms
from portal.web import htmx
from portal.web.parameters import ParsedParameters, parse_form
from portal.web.rendering import render


@blueprint.get("/settings/tokens")
@login_required
def tokens() -> Response:
    """The account's tokens and a form for a new one."""
    return show_tokens()


@blueprint.post("/settings/tokens")
@login_required
def add_token() -> Response:
    """Make a token and show it, this once: the answer is kept nowhere."""
    lists = {"scopes": request.form.getlist("scopes")}
    given = {name: value for name, value in request.form.items() if value}
    reading = parse_form(given, TokenForm, lists)
    if reading.problems:
        return show_tokens(reading)
    form = reading.values
    token, text = actions.add_token(current_user.key, form.name, frozenset(form.scopes), form.days, current_actor())
    return show_tokens(made=(token.name, text))


@blueprint.post("/settings/tokens/<token_id>/revoke")
@login_required
def revoke_token(token_id: str) -> AnyResponse:
    """The token stops at once. Done already or never there: the list shows what is true."""
    known = parse_id(token_id)
    if known and actions.revoke_token(current_user.key, known, current_actor()):
        flash("The token is revoked. Whatever used it gets 401 from now on.")
    return htmx.redirect_browser(url_for(".tokens"))


def show_tokens(reading: ParsedParameters[TokenForm] | None = None, made: tuple[str, str] | None = None) -> Response:
    """The tokens page; with a form that was refused, or with a token just made."""
    now = now_ms()
    return render(
        "accounts/tokens.html",
        status=400 if reading else 200,
        tokens=[token_view(token, now) for token in query.list_tokens(current_user.key)],
        problems=reading.problems if reading else {},
        form=request.form,
        made=made,
        list_address=url_for("batches_api.list_batches", user_id=current_user.id, _external=True),
    )

"""The `flask token` commands. Scripts rely on the last line that a command prints."""

from __future__ import annotations

from datetime import UTC

import click

from portal.accounts import actions, query
from portal.accounts.parameters import TokenForm
from portal.accounts.tokens import split_token
from portal.admin.commands import find_active_user, find_user
from portal.cli import CommandGroup, format_count
from portal.ids import parse_id
from portal.models import Scope, Token
from portal.times import format_iso
from portal.web.parameters import InvalidParameter, parse_fields

token = CommandGroup("token", help="Manage API tokens.")


@token.command("add")
@click.argument("email")
@click.option("--name", required=True, help="Name that says what the token is for.")
@click.option(
    "--scope",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="Scope of the token; repeatable. Default: read. "
    + "; ".join(f"{scope}: {scope.label}" for scope in Scope)
    + ".",
)
@click.option("--days", metavar="D", help="Expire the token after this many days. Default: TOKEN_MAX_DAYS.")
def add_token(email: str, name: str, scope: tuple[str, ...], days: str | None) -> None:
    """Create a token for an account and print it. It cannot be shown again."""
    fields = {"name": name, "scopes": list(scope) or [Scope.READ], "days": days}
    form = parse_fields(fields, TokenForm, UTC, {}).or_refuse()
    added, text = actions.add_token(find_active_user(email).key, form.name, frozenset(form.scopes), form.days)
    expiry = f"expires {format_iso(added.expires_at)}" if added.expires_at else "never expires"
    click.echo(f"Token “{added.name}” ({added.scopes.replace(' ', ', ')}; {expiry}). It is shown only once:")
    click.echo(text)


@token.command("list")
@click.argument("email", required=False)
def list_tokens(email: str | None) -> None:
    """List the unrevoked tokens of an account, or of all: id, account, scopes, created, last used, expires, name."""
    if email is None:
        tokens = [(address, token) for address, token in query.list_all_tokens()]
    else:
        account = find_user(email)
        tokens = [(account.email, token) for token in query.list_tokens(account.key)]
    width = max((len(address) for address, _ in tokens), default=0)
    for address, each in tokens:
        click.echo("  ".join((each.id, address.ljust(width), *describe_token(each))))
    if not tokens:
        click.echo("No tokens. Create one with: flask --app wsgi token add EMAIL --name NAME", err=True)


def describe_token(token: Token) -> tuple[str, ...]:
    """Return scopes, times and name of a token as columns."""
    times = (
        format_iso(token.created_at),
        *(format_iso(at) if at else "never" for at in (token.last_used_at, token.expires_at)),
    )
    return (token.scopes.replace(" ", ",").ljust(10), *(text.ljust(24) for text in times), token.name)


@token.command("revoke")
@click.argument("tokens", nargs=-1, metavar="[ID]...")
@click.option("--user", "email", metavar="EMAIL", help="Revoke all tokens of this account.")
def revoke_tokens(tokens: tuple[str, ...], email: str | None) -> None:
    """Revoke tokens by their ids, or all of an account. Programs that use them get 401.

    The id is the first part of the token's text, after bp_; the whole text is accepted too.
    """
    if bool(tokens) == (email is not None):
        raise click.UsageError("Give the ids of tokens, or --user EMAIL.")
    if email is not None:
        account = find_user(email)
        count = actions.revoke_all_tokens(account.key)
        click.echo(f"{format_count(count, 'token', 'tokens')} of {account.email} revoked")
        return
    owners = {token_id: find_owner(token_id) for token_id in map(parse_token_id, tokens)}
    for token_id, owner_key in owners.items():
        revoked = actions.revoke_token(owner_key, token_id)
        click.echo(f"Token {token_id} {'revoked' if revoked else 'was already revoked'}")


def parse_token_id(text: str) -> str:
    """Return the id of a token from the id or the token's text. Raises InvalidParameter, without the text."""
    token_id = parse_id(text) or split_token(text)[0]
    if not token_id:
        raise InvalidParameter({"id": "id must be 24 hexadecimal characters, as token list prints it"})
    return token_id


def find_owner(token_id: str) -> int:
    """Return the key of the token's account. Raises InvalidParameter for an unknown token."""
    owner_key = query.find_token_owner(token_id)
    if owner_key is None:
        raise InvalidParameter({"id": f"id: there is no token {token_id}"})
    return owner_key

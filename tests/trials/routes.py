"""What each route is for and how it is asked rightly: one row a route. A new route wants a row here.

In a row's texts `$batch`, `$deleted`, `$upload`, `$token_id`, `$session`, `$user`, `$email`, `$password` and `$number`
stand for what belongs to whoever the request is about, `$account` and `$new_email` for somebody else; each is new, so
that a request that changes something finds it unchanged.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from string import Template
from typing import Any

from flask import Flask
from werkzeug.routing import Rule

from portal.models import Scope
from tests.trials.client import Request, SentFile, form_request, json_request, multipart_request
from tests.trials.world import Person, World, accounts

VARIABLE = re.compile(r"<(?:(\w+)(?:\((.*?)\))?:)?(\w+)>")


class For(Enum):
    """Whom a route is for."""

    ANYBODY = "anybody"  # looks at nobody's session
    VISITOR = "whoever has the page's form"
    SIGNED_IN = "whoever is signed in"
    ADMIN = "an admin who is signed in"
    READ = "a token with the scope read"
    WRITE = "a token with the scope write"

    @property
    def api(self) -> bool:
        """Whether a token is asked for."""
        return self in (For.READ, For.WRITE)


@dataclass(frozen=True)
class Row:
    """One route. `good` = the status of the right request by the right person.

    `owned` = the request names something of one person: anybody else's answer is `stranger`, by default 404.
    """

    whom: For
    good: int = 200
    path: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    form: Mapping[str, str] | None = None
    json: Any = None
    file: SentFile | None = None
    stranger: int = 404

    @property
    def owned(self) -> bool:
        """Whether the request names something that belongs to somebody."""
        return "$" in json.dumps([dict(self.path), self.query, dict(self.form or {}), self.json])


BATCH = {"batch_id": "$batch"}
UPLOAD = {"upload_id": "$upload"}
ACCOUNT = {"user_id": "$account"}
ADDED = {"email": "$new_email", "name": "Somebody new", "zone": "UTC", "role": "user", "password": "$password"}
SETTINGS = {"callingNumbers": '["$number"]', "timezone": "Europe/Lisbon"}
CONTACTS = SentFile("contacts.csv", b"phoneNumber,name\n+16065550101,Somebody\n")
MAKE = {"batchName": "From a file", "callingNumbers": "$number", "timezone": "UTC", "wrongRows": "leave-out"}
NEW_PASSWORD = {"current": "$password", "password": "$password"}
NO_CODE = {"current": "$password", "code": "123456"}
MOVE = {"batchId": "$batch", "userId": "$user"}
CALLS = [{"phoneNumber": "+16065550102", "name": "Somebody"}]
EVENTS = [{"eventId": "event 1", "batchId": "$batch", "phoneNumber": "$called", "callStatus": "completed"}]

ROWS: dict[str, Row] = {
    "home": Row(For.ANYBODY, 302),
    "static": Row(For.ANYBODY, path={"filename": "styles/base.css"}),
    "openapi.openapi_json": Row(For.ANYBODY),
    "openapi.docs": Row(For.ANYBODY),
    # accounts
    "accounts.sign_in": Row(For.ANYBODY),
    "accounts.sign_in_submitted": Row(For.VISITOR, 303, form={"email": "$email", "password": "$password"}),
    "accounts.sign_out": Row(For.VISITOR, 303, form={}),
    "accounts.tokens": Row(For.SIGNED_IN),
    "accounts.add_token": Row(For.SIGNED_IN, form={"name": "A new one", "scopes": "read"}),
    "accounts.revoke_token": Row(For.SIGNED_IN, 303, {"token_id": "$token_id"}, form={}, stranger=303),
    "accounts.account": Row(For.SIGNED_IN),
    "accounts.change_account": Row(For.SIGNED_IN, 303, form={"name": "Another name", "zone": "UTC", "region": ""}),
    "accounts.change_password": Row(
        For.SIGNED_IN, 303, form={"current": "$password", "password": "$password"}, stranger=400
    ),
    "accounts.sign_out_everywhere": Row(For.SIGNED_IN, 303, form={}),
    "accounts.end_session": Row(For.SIGNED_IN, 303, {"key": "$session"}, form={}, stranger=303),
    "accounts.ask_code": Row(For.ANYBODY, 303),  # who has not given a password yet is sent back
    "accounts.code_submitted": Row(For.VISITOR, 303, form={"code": "123456"}),
    "accounts.second_factor": Row(For.SIGNED_IN),
    "accounts.offer_second_factor": Row(For.SIGNED_IN, 303, form={"current": "$password"}, stranger=400),
    "accounts.turn_on_second_factor": Row(For.SIGNED_IN, 303, form={"code": "123456"}),  # none was offered
    "accounts.renew_recovery_codes": Row(For.SIGNED_IN, 400, form=NO_CODE, stranger=400),
    "accounts.turn_off_second_factor": Row(For.SIGNED_IN, 400, form=NO_CODE, stranger=400),
    "accounts.start_openid_sign_in": Row(For.ANYBODY, 404),  # no provider is configured
    "accounts.finish_openid_sign_in": Row(For.ANYBODY, 404),
    # what admins do
    "admin.home": Row(For.ADMIN, 302),
    "admin.list_users": Row(For.ADMIN),
    "admin.new_user": Row(For.ADMIN),
    "admin.add_user": Row(For.ADMIN, 303, form=ADDED),
    "admin.user": Row(For.ADMIN, path=ACCOUNT),
    "admin.disable_user": Row(For.ADMIN, 303, ACCOUNT, form={}),
    "admin.enable_user": Row(For.ADMIN, 303, ACCOUNT, form={}),
    "admin.set_role": Row(For.ADMIN, 303, ACCOUNT, form={"role": "admin"}),
    "admin.set_password": Row(For.ADMIN, 303, ACCOUNT, form={"password": "$password"}),
    "admin.turn_off_second_factor": Row(For.ADMIN, 303, ACCOUNT, form={}),
    "admin.end_sessions": Row(For.ADMIN, 303, ACCOUNT, form={}),
    "audit.show_audit_log": Row(For.ADMIN),
    "audit.export_audit_log": Row(For.ADMIN),
    # for who runs it
    "health.liveness": Row(For.ANYBODY),
    "health.readiness": Row(For.ANYBODY),
    "health.show_metrics": Row(For.ANYBODY, 404),  # without METRICS_TOKEN
    # batches
    "batches.list_batches": Row(For.SIGNED_IN),
    "batches.show_batch": Row(For.SIGNED_IN, path=BATCH),
    "batches.show_activity": Row(For.SIGNED_IN, path=BATCH),
    "batches.show_trash": Row(For.SIGNED_IN),
    "batches.restore_batches": Row(For.SIGNED_IN, 303, form={"id": "$deleted"}, stranger=303),
    "batches.confirm_bulk_action": Row(For.SIGNED_IN, query="do=delete&id=$batch", stranger=302),
    "batches.apply_bulk_action": Row(For.SIGNED_IN, 303, form={"do": "delete", "id": "$batch"}, stranger=303),
    "batches.apply_batch_action": Row(For.SIGNED_IN, 303, BATCH, form={"move": "start"}),
    "batches.rename_form": Row(For.SIGNED_IN, path=BATCH),
    "batches.rename_batch": Row(For.SIGNED_IN, 303, BATCH, form={"name": "Another name"}),
    "batches.duplicate_form": Row(For.SIGNED_IN, path=BATCH),
    "batches.duplicate_batch": Row(For.SIGNED_IN, 303, BATCH, form={"name": "A double", "contacts": "all"}),
    "batches.export_list": Row(For.SIGNED_IN, path={"kind": "csv"}),
    "batches.export_calls": Row(For.SIGNED_IN, path=BATCH | {"kind": "xlsx"}),
    # uploads
    "uploads.show_upload_form": Row(For.SIGNED_IN),
    "uploads.receive_file": Row(For.SIGNED_IN, 303, form={}, file=CONTACTS),
    "uploads.show_preview": Row(For.SIGNED_IN, path=UPLOAD),
    "uploads.change_reading": Row(For.SIGNED_IN, 303, UPLOAD, form={"column": "name", "region": "US"}),
    "uploads.create_batch": Row(For.SIGNED_IN, 303, UPLOAD, form=MAKE),
    "uploads.discard_upload": Row(For.SIGNED_IN, 303, UPLOAD, form={}, stranger=303),
    "uploads.export_invalid_rows": Row(For.SIGNED_IN, path=UPLOAD | {"kind": "csv"}),
    # the API
    "batches_api.list_batches": Row(For.READ, path={"user_id": "$user"}, stranger=403),
    "batches_api.export_csv": Row(For.READ, query="batchId=$batch"),
    "batches_api.create_batch": Row(For.WRITE, 201, json={"batchName": "New", "callingNumbers": ["+16065550103"]}),
    "batches_api.start_calling": Row(For.WRITE, json=MOVE, stranger=403),
    "batches_api.stop_calling": Row(For.WRITE, json=MOVE, stranger=403),
    "batches_api.pause_calling": Row(For.WRITE, 409, json=MOVE, stranger=403),
    "batches_api.resume_calling": Row(For.WRITE, 409, json=MOVE, stranger=403),
    "batches_api.delete_batch": Row(For.WRITE, path=BATCH),
    "batches_api.restore_batch": Row(For.WRITE, path={"batch_id": "$deleted"}),
    "calls_api.batch_details": Row(For.READ, path=BATCH),
    "calls_api.add_calls": Row(For.WRITE, json={"batchId": "$batch", "call_data": CALLS}),
    "calls_api.call_events": Row(For.WRITE, json={"events": EVENTS}, stranger=200),
    "uploads_api.upload": Row(
        For.WRITE, form=SETTINGS | {"userId": "$user", "batchName": "A file"}, file=CONTACTS, stranger=403
    ),
}


def rules_of(app: Flask) -> list[Rule]:
    """Every route."""
    return sorted(app.url_map.iter_rules(), key=lambda rule: (rule.endpoint, rule.rule))


def method_of(rule: Rule) -> str:
    """The method that the route is for."""
    (method,) = rule.methods - {"HEAD", "OPTIONS"}
    return method


def without_row(app: Flask) -> list[str]:
    """The endpoints that stand in no row, and the rows of no endpoint."""
    endpoints = {rule.endpoint for rule in rules_of(app)}
    lacking = [f"{endpoint} has no row in tests/trials/routes.py" for endpoint in sorted(endpoints - ROWS.keys())]
    return lacking + [f"the row {endpoint} is of no route" for endpoint in sorted(ROWS.keys() - endpoints)]


class Things:
    """What a row's texts stand for, made when it is asked for."""

    def __init__(self, world: World, person: Person) -> None:
        self.world = world
        self.person = person

    def __getitem__(self, name: str) -> str:
        person, world = self.person, self.world
        makers = {
            "batch": lambda: world.add_batch(person, 1),
            "called": lambda: person.numbers[-1],  # of the batch's only call, when it was made just before
            "deleted": lambda: world.add_batch(person, 1, deleted=True),
            "upload": lambda: world.add_upload(person),
            "session": lambda: str(world.add_session(person)),
            "token_id": lambda: world.add_token(person, "spare", Scope.READ),
            "user": lambda: person.user.id,
            "account": world.add_account,
            "new_email": lambda: f"new-{next(accounts)}@example.com",
            "email": lambda: person.user.email,
            "password": lambda: person.password,
            "number": lambda: world.number(person),
        }
        return makers[name]()


def filled(value: Any, things: Any) -> Any:
    """A row's value with what it stands for; `things` is a mapping."""
    if isinstance(value, str):
        return Template(value).substitute(things) if "$" in value else value
    if isinstance(value, Mapping):
        return {name: filled(inner, things) for name, inner in value.items()}
    if isinstance(value, list):
        return [filled(inner, things) for inner in value]
    return value


def filled_row(row: Row, things: Any) -> Row:
    """The row with what it stands for."""
    path, query, form, body = filled([dict(row.path), row.query, row.form, row.json], things)
    return replace(row, path=path, query=query, form=form, json=body)


def good_request(rule: Rule, row: Row, csrf_token: str = "") -> Request:
    """The right request of a filled row; its form with a CSRF token where one is given."""
    path = VARIABLE.sub(lambda found: row.path[found[3]], rule.rule)
    method = method_of(rule)
    if row.json is not None:
        return replace(json_request(method, path, row.json), query=row.query)
    if row.form is None:
        return Request(method, path, row.query)
    pairs = [*row.form.items(), *([("csrf_token", csrf_token)] if csrf_token else [])]
    return multipart_request(path, pairs, [row.file]) if row.file else form_request(path, pairs)

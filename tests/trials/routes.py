"""The audience and a valid request of each route: one row per route. A new route needs a row here.

The placeholders `$batch`, `$call`, `$deleted`, `$upload`, `$trunk`, `$caller_number`, `$suppressed`, `$token_id`,
`$session`, `$user`, `$email`, `$password` and `$number` in a row's texts stand for data of the account that the request
is about, `$account` and `$new_email` for another user, `$new_number` for none. Each is created for its request, so that
requests do not affect each other.
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
from tests.support.wsgi_client import FormFile, WsgiRequest, form_request, json_request, multipart_request
from tests.trials.fixtures import Account, Fixtures, account_numbers

PATH_VARIABLE = re.compile(r"<(?:(\w+)(?:\((.*?)\))?:)?(\w+)>")


class Audience(Enum):
    """The audience of a route."""

    ANYONE = "anyone"  # the session does not matter
    VISITOR = "a visitor with the page's form"
    SIGNED_IN = "a signed-in user"
    ADMIN = "a signed-in admin"
    READ = "a token with the scope read"
    WRITE = "a token with the scope write"
    DIAL = "a token with the scope dial"

    @property
    def api(self) -> bool:
        """Whether the route needs a token."""
        return self in (Audience.READ, Audience.WRITE, Audience.DIAL)


@dataclass(frozen=True)
class RouteRow:
    """One route. `status` = the status of a valid request of its audience.

    `owned` = the request refers to one account's data: other accounts receive the status `stranger`.
    """

    audience: Audience
    status: int = 200
    path: Mapping[str, str] = field(default_factory=dict)
    query: str = ""
    form: Mapping[str, str] | None = None
    json: Any = None
    file: FormFile | None = None
    stranger: int = 404

    @property
    def owned(self) -> bool:
        """Whether the request refers to an account's data."""
        texts = json.dumps([dict(self.path), self.query, dict(self.form or {}), self.json])
        return "$" in texts.replace("$new_number", "")


BATCH = {"batch_id": "$batch"}
UPLOAD = {"upload_id": "$upload"}
TRUNK = {"trunk_id": "$trunk"}
CALLER_NUMBER = {"number_id": "$caller_number"}
TRUNK_FORM = {"name": "A line", "kind": "simulator", "lines": "5"}
LIST = FormFile("list.csv", b"phoneNumber\n+16065550104\n")
ACCOUNT = {"user_id": "$account"}
ADDED = {"email": "$new_email", "name": "New user", "zone": "UTC", "role": "user", "password": "$password"}
SETTINGS = {"callingNumbers": '["$number"]', "timezone": "Europe/Lisbon"}
CONTACTS = FormFile("contacts.csv", b"phoneNumber,name\n+16065550101,Somebody\n")
NEW_BATCH = {"batchName": "From a file", "callingNumbers": "$number", "timezone": "UTC", "wrongRows": "leave-out"}
BATCH_FORM = {"batchName": "Another name", "callingNumbers": "$number", "timezone": "UTC", "retry": "2"}
NEW_PASSWORD = {"current": "$password", "password": "$password"}
NO_CODE = {"current": "$password", "code": "123456"}
BATCH_AND_USER = {"batchId": "$batch", "userId": "$user"}
CALLS = [{"phoneNumber": "+16065550102", "name": "Somebody"}]
EVENTS = [{"eventId": "event 1", "batchId": "$batch", "phoneNumber": "$called", "callStatus": "completed"}]

ROUTE_ROWS: dict[str, RouteRow] = {
    "home": RouteRow(Audience.ANYONE, 302),
    "static": RouteRow(Audience.ANYONE, path={"filename": "portal.css"}),
    "openapi.openapi_json": RouteRow(Audience.ANYONE),
    "openapi.docs": RouteRow(Audience.ANYONE),
    # accounts
    "accounts.sign_in": RouteRow(Audience.ANYONE),
    "accounts.sign_in_submitted": RouteRow(Audience.VISITOR, 303, form={"email": "$email", "password": "$password"}),
    "accounts.sign_out": RouteRow(Audience.VISITOR, 303, form={}),
    "accounts.tokens": RouteRow(Audience.SIGNED_IN),
    "accounts.add_token": RouteRow(Audience.SIGNED_IN, form={"name": "A new one", "scopes": "read"}),
    "accounts.revoke_token": RouteRow(Audience.SIGNED_IN, 303, {"token_id": "$token_id"}, form={}, stranger=303),
    "accounts.account": RouteRow(Audience.SIGNED_IN),
    "accounts.change_account": RouteRow(
        Audience.SIGNED_IN, 303, form={"name": "Another name", "zone": "UTC", "region": ""}
    ),
    "accounts.new_password": RouteRow(Audience.SIGNED_IN, 303),  # redirects without a temporary password
    "accounts.change_password": RouteRow(
        Audience.SIGNED_IN, 303, form={"current": "$password", "password": "$password"}, stranger=400
    ),
    "accounts.sign_out_everywhere": RouteRow(Audience.SIGNED_IN, 303, form={}),
    "accounts.end_session": RouteRow(Audience.SIGNED_IN, 303, {"key": "$session"}, form={}, stranger=303),
    "accounts.ask_code": RouteRow(Audience.ANYONE, 303),  # redirects without a password
    "accounts.code_submitted": RouteRow(Audience.VISITOR, 303, form={"code": "123456"}),
    "accounts.second_factor": RouteRow(Audience.SIGNED_IN),
    "accounts.offer_second_factor": RouteRow(Audience.SIGNED_IN, 303, form={"current": "$password"}, stranger=400),
    "accounts.turn_on_second_factor": RouteRow(
        Audience.SIGNED_IN, 303, form={"code": "123456"}
    ),  # without an offered secret
    "accounts.renew_recovery_codes": RouteRow(Audience.SIGNED_IN, 400, form=NO_CODE, stranger=400),
    "accounts.turn_off_second_factor": RouteRow(Audience.SIGNED_IN, 400, form=NO_CODE, stranger=400),
    "accounts.confirm": RouteRow(Audience.SIGNED_IN),
    "accounts.confirm_submitted": RouteRow(Audience.SIGNED_IN, 303, form={"current": "$password"}, stranger=400),
    "accounts.remove_link": RouteRow(Audience.SIGNED_IN, 303, {"key": "1"}, form={}),
    "accounts.link_account": RouteRow(Audience.ANYONE, 303),  # redirects without a pending link
    "accounts.link_account_submitted": RouteRow(Audience.VISITOR, 303, form={"password": "$password"}),
    "accounts.start_openid_confirmation": RouteRow(Audience.SIGNED_IN, 404),
    "accounts.start_openid_sign_in": RouteRow(Audience.ANYONE, 404),  # no provider is configured
    "accounts.finish_openid_sign_in": RouteRow(Audience.ANYONE, 404),
    # admins
    "admin.home": RouteRow(Audience.ADMIN, 302),
    "admin.list_users": RouteRow(Audience.ADMIN),
    "admin.new_user": RouteRow(Audience.ADMIN),
    "admin.add_user": RouteRow(Audience.ADMIN, 303, form=ADDED),
    "admin.user": RouteRow(Audience.ADMIN, path=ACCOUNT),
    "admin.disable_user": RouteRow(Audience.ADMIN, 303, ACCOUNT, form={}),
    "admin.enable_user": RouteRow(Audience.ADMIN, 303, ACCOUNT, form={}),
    "admin.set_role": RouteRow(Audience.ADMIN, 303, ACCOUNT, form={"role": "admin"}),
    "admin.set_password": RouteRow(Audience.ADMIN, 303, ACCOUNT, form={"password": "$password"}),
    "admin.turn_off_second_factor": RouteRow(Audience.ADMIN, 303, ACCOUNT, form={}),
    "admin.end_sessions": RouteRow(Audience.ADMIN, 303, ACCOUNT, form={}),
    "admin.unlink_identities": RouteRow(Audience.ADMIN, 303, ACCOUNT, form={}),
    "admin.revoke_tokens": RouteRow(Audience.ADMIN, 303, ACCOUNT, form={}),
    "admin.revoke_token": RouteRow(Audience.ADMIN, 303, ACCOUNT | {"token_id": "$token_id"}, form={}),
    "admin_stops.show_stop": RouteRow(Audience.ADMIN),
    "admin_stops.stop_calls": RouteRow(Audience.ADMIN, 303, form={"reason": "A reason"}),
    "admin_stops.lift_stop": RouteRow(Audience.ADMIN, 303, form={}),
    "audit.show_audit_log": RouteRow(Audience.ADMIN),
    "audit.export_audit_log": RouteRow(Audience.ADMIN),
    # operators
    "health.liveness": RouteRow(Audience.ANYONE),
    "health.readiness": RouteRow(Audience.ANYONE),
    "health.show_metrics": RouteRow(Audience.ANYONE, 404),  # without METRICS_TOKEN
    # batches
    "batches.list_batches": RouteRow(Audience.SIGNED_IN),
    "batches.show_batch": RouteRow(Audience.SIGNED_IN, path=BATCH),
    "batches.show_activity": RouteRow(Audience.SIGNED_IN, path=BATCH),
    "batches.show_trash": RouteRow(Audience.SIGNED_IN),
    "batches.restore_batches": RouteRow(Audience.SIGNED_IN, 303, form={"id": "$deleted"}, stranger=303),
    "batches.confirm_action": RouteRow(Audience.SIGNED_IN, query="do=delete&id=$batch", stranger=302),
    "batches.apply_confirmed_action": RouteRow(
        Audience.SIGNED_IN, 303, form={"do": "delete", "id": "$batch"}, stranger=303
    ),
    "batches.request_action": RouteRow(Audience.SIGNED_IN, 303, form={"do": "start", "id": "$batch"}, stranger=303),
    "batches.rename_form": RouteRow(Audience.SIGNED_IN, path=BATCH),
    "batches.rename_batch": RouteRow(Audience.SIGNED_IN, 303, BATCH, form={"name": "Another name"}),
    "batches.show_settings": RouteRow(Audience.SIGNED_IN, path=BATCH),
    "batches.change_settings": RouteRow(Audience.SIGNED_IN, 303, BATCH, form=BATCH_FORM),
    "batches.duplicate_form": RouteRow(Audience.SIGNED_IN, path=BATCH),
    "batches.duplicate_batch": RouteRow(Audience.SIGNED_IN, 303, BATCH, form={"name": "A double", "contacts": "all"}),
    "batches.export_list": RouteRow(Audience.SIGNED_IN, path={"kind": "csv"}),
    "batches.show_call": RouteRow(Audience.SIGNED_IN, path={"batch_id": "$batch", "call_id": "$call"}),
    "batches.export_attempts": RouteRow(Audience.SIGNED_IN, path=BATCH | {"kind": "csv"}),
    "batches.export_calls": RouteRow(Audience.SIGNED_IN, path=BATCH | {"kind": "xlsx"}),
    # uploads
    "uploads.show_upload_form": RouteRow(Audience.SIGNED_IN),
    "uploads.receive_file": RouteRow(Audience.SIGNED_IN, 303, form={}, file=CONTACTS),
    "uploads.show_preview": RouteRow(Audience.SIGNED_IN, path=UPLOAD),
    "uploads.change_reading": RouteRow(Audience.SIGNED_IN, 303, UPLOAD, form={"phoneColumn": "name", "region": "US"}),
    "uploads.create_batch": RouteRow(Audience.SIGNED_IN, 303, UPLOAD, form=NEW_BATCH),
    "uploads.discard_upload": RouteRow(Audience.SIGNED_IN, 303, UPLOAD, form={}, stranger=303),
    "uploads.export_invalid_rows": RouteRow(Audience.SIGNED_IN, path=UPLOAD | {"kind": "csv"}),
    # dialing
    "trunks.list_trunks": RouteRow(Audience.SIGNED_IN),
    "trunks.new_trunk": RouteRow(Audience.SIGNED_IN),
    "trunks.add_trunk": RouteRow(Audience.SIGNED_IN, 303, form=TRUNK_FORM),
    "trunks.edit_trunk": RouteRow(Audience.SIGNED_IN, path=TRUNK),
    "trunks.change_trunk": RouteRow(Audience.SIGNED_IN, 303, TRUNK, form=TRUNK_FORM),
    "trunks.hold_trunk": RouteRow(Audience.SIGNED_IN, 303, TRUNK, form={}),
    "trunks.release_trunk": RouteRow(Audience.SIGNED_IN, 303, TRUNK, form={}),
    "trunks.remove_trunk": RouteRow(Audience.SIGNED_IN, 303, TRUNK, form={}),
    "trunks.place_test_call": RouteRow(Audience.SIGNED_IN, 400, TRUNK, form={"phoneNumber": "+12025550123"}),
    "trunks.list_caller_numbers": RouteRow(Audience.SIGNED_IN),
    "trunks.add_caller_number": RouteRow(
        Audience.SIGNED_IN, 303, form={"phoneNumber": "+16065550105", "label": "A line", "trunkId": "none"}
    ),
    "trunks.edit_caller_number": RouteRow(Audience.SIGNED_IN, path=CALLER_NUMBER),
    "trunks.change_caller_number": RouteRow(Audience.SIGNED_IN, 303, CALLER_NUMBER, form={"label": "Another label"}),
    "trunks.remove_caller_number": RouteRow(Audience.SIGNED_IN, 303, CALLER_NUMBER, form={}),
    "stops.show_stop": RouteRow(Audience.SIGNED_IN),
    "stops.stop_calls": RouteRow(Audience.SIGNED_IN, 303, form={"reason": "A reason"}),
    "stops.lift_stop": RouteRow(Audience.SIGNED_IN, 303, form={}),
    "suppressions.list_suppressions": RouteRow(Audience.SIGNED_IN),
    "suppressions.add_numbers": RouteRow(Audience.SIGNED_IN, 303, form={"phoneNumbers": "+16065550107"}),
    "suppressions.upload_list": RouteRow(Audience.SIGNED_IN, 303, form={"source": "A list"}, file=LIST),
    "suppressions.remove_number": RouteRow(
        Audience.SIGNED_IN, 303, form={"phoneNumber": "$suppressed", "source": "own"}, stranger=303
    ),
    "suppressions.remove_list": RouteRow(Audience.SIGNED_IN, 303, form={"source": "own"}),
    # the API
    "batches_api.list_batches": RouteRow(Audience.READ, path={"user_id": "$user"}, stranger=403),
    "batches_api.export_csv": RouteRow(Audience.READ, query="batchId=$batch"),
    "batches_api.create_batch": RouteRow(
        Audience.WRITE, 201, json={"batchName": "New", "callingNumbers": ["+16065550103"]}
    ),
    "attempts_api.list_attempts": RouteRow(Audience.READ, path=BATCH),
    "attempts_api.export_attempts": RouteRow(Audience.READ, path=BATCH),
    "batches_api.read_settings": RouteRow(Audience.READ, path=BATCH),
    "batches_api.change_batch": RouteRow(Audience.WRITE, path=BATCH, json={"batchName": "Another name", "retry": 2}),
    "batches_api.start_calling": RouteRow(Audience.WRITE, json=BATCH_AND_USER, stranger=403),
    "batches_api.stop_calling": RouteRow(Audience.WRITE, json=BATCH_AND_USER, stranger=403),
    "batches_api.pause_calling": RouteRow(Audience.WRITE, 409, json=BATCH_AND_USER, stranger=403),
    "batches_api.resume_calling": RouteRow(Audience.WRITE, 409, json=BATCH_AND_USER, stranger=403),
    "batches_api.delete_batch": RouteRow(Audience.WRITE, path=BATCH),
    "batches_api.restore_batch": RouteRow(Audience.WRITE, path={"batch_id": "$deleted"}),
    "calls_api.list_calls": RouteRow(Audience.READ, path=BATCH),
    "calls_api.add_calls": RouteRow(Audience.WRITE, json={"batchId": "$batch", "call_data": CALLS}),
    "calls_api.report_events": RouteRow(Audience.WRITE, json={"events": EVENTS}, stranger=200),
    "dialer_api.read_dialer": RouteRow(Audience.READ),
    "trunks_api.list_trunks": RouteRow(Audience.READ),
    "trunks_api.create_trunk": RouteRow(Audience.WRITE, 201, json={"name": "A line", "kind": "simulator"}),
    "trunks_api.change_trunk": RouteRow(Audience.WRITE, path=TRUNK, json={"lines": 5}),
    "trunks_api.delete_trunk": RouteRow(Audience.WRITE, path=TRUNK),
    "webhooks_api.receive_callback": RouteRow(Audience.ANYONE, 404, {"trunk_id": "0" * 24}, form={}),
    "trunks_api.list_caller_numbers": RouteRow(Audience.READ),
    "trunks_api.create_caller_number": RouteRow(
        Audience.WRITE, 201, json={"phoneNumber": "$new_number", "label": "A line"}
    ),
    "trunks_api.change_caller_number": RouteRow(Audience.WRITE, path=CALLER_NUMBER, json={"label": "Another label"}),
    "trunks_api.delete_caller_number": RouteRow(Audience.WRITE, path=CALLER_NUMBER),
    "stops_api.stop_calls": RouteRow(Audience.WRITE, json={"reason": "A reason"}),
    "stops_api.resume_calls": RouteRow(Audience.WRITE, json={}),
    "suppressions_api.list_suppressions": RouteRow(Audience.READ),
    "suppressions_api.add_suppressions": RouteRow(Audience.WRITE, json={"phoneNumbers": ["+16065550107"]}),
    "suppressions_api.upload_suppressions": RouteRow(Audience.WRITE, form={"source": "A list"}, file=LIST),
    "suppressions_api.delete_suppression": RouteRow(Audience.WRITE, path={"phone_number": "$suppressed"}),
    "leases_api.lease_calls": RouteRow(Audience.DIAL, json={"worker": "A dialer", "batchId": "$batch"}),
    "leases_api.extend_leases": RouteRow(Audience.DIAL, json={"attemptIds": ["0" * 24]}),
    "leases_api.release_leases": RouteRow(Audience.DIAL, json={"attemptIds": ["0" * 24]}),
    "uploads_api.upload": RouteRow(
        Audience.WRITE, form=SETTINGS | {"userId": "$user", "batchName": "A file"}, file=CONTACTS, stranger=403
    ),
}


def rules_of(app: Flask) -> list[Rule]:
    """Return every route; emergency stops come last, because other requests are refused while one is in force."""
    return sorted(
        app.url_map.iter_rules(), key=lambda rule: (rule.endpoint.endswith(".stop_calls"), rule.endpoint, rule.rule)
    )


def method_of(rule: Rule) -> str:
    """Return the method of a route."""
    (method,) = rule.methods - {"HEAD", "OPTIONS"}
    return method


def find_uncovered_routes(app: Flask) -> list[str]:
    """Return the endpoints without a row, and the rows without an endpoint."""
    endpoints = {rule.endpoint for rule in rules_of(app)}
    missing = [f"{endpoint} has no row in tests/trials/routes.py" for endpoint in sorted(endpoints - ROUTE_ROWS.keys())]
    return missing + [f"the row {endpoint} has no route" for endpoint in sorted(ROUTE_ROWS.keys() - endpoints)]


def new_number() -> str:
    """Return a phone number of no account."""
    count = next(account_numbers)
    return f"+1{607 + count // 100 % 2}55501{count % 100:02}"


class Placeholders:
    """Values for a row's placeholders, each created on access."""

    def __init__(self, fixtures: Fixtures, account: Account) -> None:
        self.fixtures = fixtures
        self.account = account

    def __getitem__(self, name: str) -> str:
        account, fixtures = self.account, self.fixtures
        values = {
            "batch": lambda: fixtures.add_batch(account, 1),
            "call": lambda: account.calls[-1],  # of the newest batch
            "called": lambda: account.numbers[-1],  # of the batch's only call, if it is the newest
            "deleted": lambda: fixtures.add_batch(account, 1, deleted=True),
            "upload": lambda: fixtures.add_upload(account),
            "trunk": lambda: fixtures.add_trunk(account),
            "caller_number": lambda: fixtures.add_caller_number(account),
            "suppressed": lambda: fixtures.suppress_number(account),
            "session": lambda: str(fixtures.add_session(account)),
            "token_id": lambda: fixtures.add_token(account, "spare", Scope.READ),
            "user": lambda: account.user.id,
            "account": fixtures.add_user,
            "new_number": new_number,
            "new_email": lambda: f"new-{next(account_numbers)}@example.com",
            "email": lambda: account.user.email,
            "password": lambda: account.password,
            "number": lambda: fixtures.number(account),
        }
        return values[name]()


def fill_placeholders(value: Any, placeholders: Any) -> Any:
    """Replace the placeholders of a value; `placeholders` is a mapping."""
    if isinstance(value, str):
        return Template(value).substitute(placeholders) if "$" in value else value
    if isinstance(value, Mapping):
        return {name: fill_placeholders(inner, placeholders) for name, inner in value.items()}
    if isinstance(value, list):
        return [fill_placeholders(inner, placeholders) for inner in value]
    return value


def fill_row(row: RouteRow, placeholders: Any) -> RouteRow:
    """Replace the placeholders of a row."""
    path, query, form, body = fill_placeholders([dict(row.path), row.query, row.form, row.json], placeholders)
    return replace(row, path=path, query=query, form=form, json=body)


def valid_request(rule: Rule, row: RouteRow, csrf_token: str = "") -> WsgiRequest:
    """Return the valid request of a filled row, with a CSRF token if there is one."""
    path = PATH_VARIABLE.sub(lambda found: row.path[found[3]], rule.rule)
    method = method_of(rule)
    if row.json is not None:
        return replace(json_request(method, path, row.json), query=row.query)
    if row.form is None:
        return WsgiRequest(method, path, row.query)
    pairs = [*row.form.items(), *([("csrf_token", csrf_token)] if csrf_token else [])]
    return multipart_request(path, pairs, [row.file]) if row.file else form_request(path, pairs)

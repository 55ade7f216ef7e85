"""Injection payloads from upload to page, export and log: nothing runs in a real browser or in a spreadsheet."""

from __future__ import annotations

import csv
import html
import io
import re
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch
from urllib.parse import quote

from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import inspect

from portal.extensions import db
from portal.web import rendering, request_hooks, spreadsheets
from tests.support.live_server import LiveServer
from tests.support.missing import ServiceMissing
from tests.support.wsgi_client import FormFile, WsgiRequest, WsgiResponse, form_request, multipart_request
from tests.trials.fixtures import Fixtures
from tests.trials.injection_payloads import COMPUTED, LOGGED, PAYLOADS
from tests.trials.routes import ROUTE_ROWS
from tests.trials.session_client import SessionClient
from tests.trials.trial import Conditions, Outcome, Trial

# Runs before every page: records the calls of payloads and the violations of the content security policy.
EVENT_RECORDER = """
window.events = [];
window.ran = () => window.events.push("a script ran");
window.alert = window.confirm = window.prompt = window.ran;
document.addEventListener("securitypolicyviolation", (event) => window.events.push(
    "the policy refused " + event.violatedDirective + " " + event.blockedURI));
"""
COLLECT_EVENTS = """() => window.events.concat(
    [...document.querySelectorAll("[data-inj]")].map((one) => "an element was created: " + one.tagName),
    [...document.querySelectorAll("a[href^='javascript:'], a[href^='data:']")].map(() => "a link runs a script"))"""

# A finding of LOGGED in a log line; exports may contain it, as a name.
FORGED = "a forged line"
IN_LOG = f"a log line holds {FORGED}"

# A spreadsheet computes cells that start like this; a sign followed by digits only is a number.
FORMULA = re.compile(r"[\s\u200b\ufeff]*[=+\-@＝＋－＠]")
PLAIN_NUMBER = re.compile(r"[+-][0-9.]+")
ACTIVE_CONTENT = (b"<f>", b"<f ", b"externalLink", b'TargetMode="External"', b"<hyperlink")


@dataclass
class StoredPayload:
    """The places of a payload: a batch (its name, file name, column and cells) and an upload."""

    payload: str
    batch: str = ""
    upload: str = ""
    refused: list[int] = field(default_factory=list)

    @property
    def addresses(self) -> list[str]:
        """The pages that show the payload or could show it."""
        search = quote(self.payload)
        found = [f"/batches?search={search}", f"/login?next={search}", f"/nothing/{quote(self.payload, safe='')}"]
        if self.batch:
            here = f"/batches/{self.batch}"
            found += [here, f"{here}?search={search}&sortBy={search}", f"{here}/changes", f"{here}/rename"]
            found += [f"{here}/duplicate", f"/batches/confirm?do=delete&id={self.batch}"]
        return [*found, f"/batches/new/{self.upload}"] if self.upload else found


def run(conditions: Conditions) -> Outcome:
    """Store each payload, export it, open its pages in the browser, and search the log."""
    payloads = PAYLOADS[: conditions.count]
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(conditions.browser())
        except ServiceMissing as missing:
            return Outcome(0, untested=str(missing))
        app = stack.enter_context(conditions.app())
        fixtures = Fixtures(app, conditions.monitor, batches=1)
        session_client = SessionClient(fixtures, fixtures.owner)
        tables, monitor = table_names(app), conditions.monitor
        monitor.add_secret(FORGED, [LOGGED])
        stored, failures = [], []
        for number, payload in enumerate(payloads):
            stored.append(store_payload(session_client, payload, number))
            failures += check_exports(session_client, stored[-1])
            failures += check_search(session_client, stored[-1])
        failures += check_refused_forms(session_client, stored)
        shown, problems = (
            (0, [])
            if conditions.should_stop(failures)
            else open_pages(app, browser, session_client, stored, conditions)
        )
        failures += problems + [finding for finding in monitor.findings if finding.startswith(IN_LOG)]
        del monitor.secrets[LOGGED]
        monitor.findings[:] = [finding for finding in monitor.findings if FORGED not in finding]  # it is not a secret
        if table_names(app) != tables:
            failures.append("the tables have changed")
        refused = sum(bool(one.refused) for one in stored)
        return Outcome(len(stored), failures, {"pages in Chromium": shown, "refused in part": refused})


def table_names(app: Flask) -> set[str]:
    """Return the names of the database's tables."""
    with app.app_context():
        return set(inspect(db.engine).get_table_names())


def store_payload(session_client: SessionClient, payload: str, number: int) -> StoredPayload:
    """Send the payload in every part of a file and its batch; if it is refused, send fewer parts."""
    found = StoredPayload(payload)
    contacts = to_csv([["phoneNumber", "note", payload], [f"+1606555{100 + number:04}", payload, payload]])
    upload_content = to_csv([["phoneNumber", payload], [payload, payload], ["+16065550100", payload]])
    form = [("userId", session_client.account.user.id), ("callingNumbers", '["+16065550101"]'), ("timezone", "UTC")]
    for name, file_name in ((payload, f"{payload}.csv"), (payload, "a.csv"), ("a name", "a.csv")):
        pairs = [*form, ("batchName", name)]
        request = multipart_request("/api/call/upload", pairs, [FormFile(file_name, contacts)])
        response = session_client.send(
            request.with_headers(X_Request_Id=header_value(payload)), ROUTE_ROWS["uploads_api.upload"]
        )
        if response.status == 200:
            found.batch = response.json["batch"]["_id"]
            break
        found.refused.append(response.status)
    file = FormFile(f"{payload}.csv", upload_content)
    sent = multipart_request("/batches/new", [("csrf_token", session_client.csrf_token)], [file])
    response = session_client.send(sent, ROUTE_ROWS["uploads.receive_file"])
    found.upload = response.headers.get("Location", "").rpartition("/batches/new/")[2] if response.status == 303 else ""
    return found


def header_value(payload: str) -> str:
    """Return the payload as a header value."""
    return payload.encode("utf-8").decode("latin-1").replace("\r", " ").replace("\n", " ")


def to_csv(rows: list[list[str]]) -> bytes:
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue().encode()


def check_exports(session_client: SessionClient, stored: StoredPayload) -> Iterator[str]:
    """Return the cells of the batch's exports that a spreadsheet would compute."""
    if not stored.batch:
        return
    row = ROUTE_ROWS["batches.export_calls"]
    for kind in ("csv", "xlsx"):
        for address in (f"/batches/{stored.batch}/calls.{kind}", f"/batches/export.{kind}"):
            response = session_client.send(WsgiRequest(path=address), row)
            if response.status != 200:
                yield f"{address.rpartition('/')[2]} of {stored.payload!r}: {response.status}"
            elif found := find_formula(response) if kind == "csv" else find_active_content(response):
                yield f"{address.rpartition('/')[2]} of {stored.payload!r}: {found}"


def find_formula(response: WsgiResponse) -> str:
    """Return a cell that a spreadsheet would compute; empty if there is none."""
    cells = [cell for row in csv.reader(io.StringIO(response.text.removeprefix("\ufeff"), newline="")) for cell in row]
    return next((cell for cell in cells if FORMULA.match(cell) and not PLAIN_NUMBER.fullmatch(cell)), "")


def find_active_content(response: WsgiResponse) -> str:
    """Return a formula or external link of a workbook; empty if there is none."""
    with zipfile.ZipFile(io.BytesIO(response.body)) as parts:
        content = b"".join(parts.read(name) for name in parts.namelist())
    return next((part.decode() for part in ACTIVE_CONTENT if part in content), "")


def check_search(session_client: SessionClient, stored: StoredPayload) -> Iterator[str]:
    """Check that a search for a batch's name finds only batches with that name."""
    address = f"/api/call/batches/{session_client.account.user.id}"
    response = session_client.send(
        WsgiRequest(path=address, query=f"search={quote(stored.payload)}"), ROUTE_ROWS["batches_api.list_batches"]
    )
    if response.status not in (200, 400):
        yield f"a search for {stored.payload!r}: {response.status}"
    names = {batch["batchName"] for batch in response.json["data"]["batches"]} if response.status == 200 else set()
    if others := {name for name in names if stored.payload.strip().casefold() not in name.casefold()}:
        yield f"a search for {stored.payload!r} finds {sorted(others)[0]!r}"


def check_refused_forms(session_client: SessionClient, stored: list[StoredPayload]) -> Iterator[str]:
    """Check that refused forms show the payload escaped."""
    for one in stored:
        shown = one.payload + "x" * 201  # too long for a name
        target = f"/batches/{one.batch}/rename" if one.batch else "/settings/account"
        pairs = [("name", shown), ("zone", shown), ("region", shown), ("csrf_token", session_client.csrf_token)]
        response = session_client.send(form_request(target, pairs), ROUTE_ROWS["batches.rename_batch"])
        if response.status != 400:
            yield f"a name of {one.payload!r} and 201 more characters: {response.status}"
        if one.payload in response.text and "<" in one.payload:
            yield f"the form shows {one.payload!r} unescaped"
        if COMPUTED in response.text:
            yield f"the form computed {one.payload!r}"


def open_pages(
    app: Flask, browser: Browser, session_client: SessionClient, stored: list[StoredPayload], conditions: Conditions
) -> tuple[int, list[str]]:
    """Open the pages of every payload in Chromium. Returns their number and the failures."""
    failures: list[str] = []
    shown = 0
    with closing(LiveServer(app)) as server:
        base = server.address
        context = browser.new_context(base_url=base)
        cookies = [{"name": name, "value": value, "url": base} for name, value in session_client.client.cookies.items()]
        context.add_cookies(cookies)
        context.add_init_script(EVENT_RECORDER)
        page = context.new_page()
        page.on("request", lambda request: check_request(request.url, base, failures))
        page.on("dialog", lambda dialog: (failures.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
        for number, one in enumerate(stored):
            if number % 10 == 0:
                conditions.report_progress(f"{number} payloads, {shown} pages")
            addresses = one.addresses if conditions.full else one.addresses[number % 3 :: 3]
            for address in addresses:
                shown += 1
                failures += [
                    f"{one.payload!r} at {address.partition('?')[0]}: {event}" for event in open_page(page, address)
                ]
            if conditions.should_stop(failures):
                break
        context.close()
    return shown, failures


def open_page(page: Page, address: str) -> list[str]:
    """Return the events in the page at that address, once it has loaded."""
    page.goto(address, wait_until="load")
    events = page.evaluate(COLLECT_EVENTS)
    return events + (["a template was computed"] if COMPUTED in page.content() else [])


def check_request(url: str, base: str, failures: list[str]) -> None:
    """Record a request that leaves the portal."""
    if not url.startswith((base, "data:")):
        failures.append(f"the browser requested {url[:100]}")


# --- defects ----------------------------------------------------------------------------------------------------------


@contextmanager
def unescape_pages() -> Iterator[None]:
    """Unescape the pages of batches, which only the browser can detect."""
    original = rendering.render_template

    def patched(template: str, **context: object) -> str:
        text = original(template, **context)
        return html.unescape(text) if template in ("batches/list.html", "batches/detail.html") else text

    with patch.object(rendering, "render_template", patched):
        yield


@contextmanager
def export_formulas() -> Iterator[None]:
    """Export cells without escaping formulas."""
    with patch.object(spreadsheets, "escape_formula", lambda text: text):
        yield


@contextmanager
def log_any_request_id() -> Iterator[None]:
    """Write any request id to the log."""
    with patch.object(request_hooks, "choose_request_id", lambda sent: sent):
        yield


TRIAL = Trial(
    name="injection",
    title="injection through upload to page, export and log (HTML, SQL, template, CSV formula, log lines, headers)",
    passes_when="nothing runs, in real Chromium",
    unit="payloads",
    full=len(PAYLOADS),
    short=8,
    run=run,
    defects={
        "batches are not escaped": unescape_pages,
        "formulas are exported": export_formulas,
        "any request id is logged": log_any_request_id,
    },
)

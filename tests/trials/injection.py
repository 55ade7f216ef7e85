"""Payloads through upload to page, export and log: nothing of them runs, in a real browser or in a spreadsheet."""

from __future__ import annotations

import csv
import html
import io
import re
import threading
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from unittest.mock import patch
from urllib.parse import quote

from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy import inspect
from werkzeug.serving import WSGIRequestHandler, make_server

from portal.extensions import db
from portal.web import rendering, request_hooks, spreadsheets
from tests.support.services import Missing
from tests.trials.asker import Asker
from tests.trials.client import Answer, Request, SentFile, form_request, multipart_request
from tests.trials.payloads import COMPUTED, LOGGED, PAYLOADS
from tests.trials.routes import ROWS
from tests.trials.trial import Conditions, Outcome, Trial
from tests.trials.world import World

# Before anything else runs in a page: what a payload calls, and what the browser refuses to run.
WATCHING = """
window.happened = [];
window.ran = () => window.happened.push("a script ran");
window.alert = window.confirm = window.prompt = window.ran;
document.addEventListener("securitypolicyviolation", (event) => window.happened.push(
    "the policy refused " + event.violatedDirective + " " + event.blockedURI));
"""
SEEN = """() => window.happened.concat(
    [...document.querySelectorAll("[data-inj]")].map((one) => "an element was made: " + one.tagName),
    [...document.querySelectorAll("a[href^='javascript:'], a[href^='data:']")].map(() => "a link runs a script"))"""

# A log line that holds LOGGED; an export may hold it, it is a name there.
FORGED = "what would be a line of its own"
IN_LOG = f"a log line holds {FORGED}"

# What a spreadsheet begins to compute at; a sign and digits alone are a number.
FORMULA = re.compile(r"[\s\u200b\ufeff]*[=+\-@＝＋－＠]")
PLAIN_NUMBER = re.compile(r"[+-][0-9.]+")
IN_WORKBOOK = (b"<f>", b"<f ", b"externalLink", b'TargetMode="External"', b"<hyperlink")


@dataclass
class Planted:
    """What a payload stands in: a batch (its name, its file's name, a column, cells), and a file that waits."""

    payload: str
    batch: str = ""
    upload: str = ""
    refused: list[int] = field(default_factory=list)

    @property
    def addresses(self) -> list[str]:
        """The pages that show it, or might."""
        search = quote(self.payload)
        found = [f"/batches?search={search}", f"/login?next={search}", f"/nothing/{quote(self.payload, safe='')}"]
        if self.batch:
            here = f"/batches/{self.batch}"
            found += [here, f"{here}?search={search}&sortBy={search}", f"{here}/changes", f"{here}/rename"]
            found += [f"{here}/duplicate", f"/batches/confirm?do=delete&id={self.batch}"]
        return [*found, f"/batches/new/{self.upload}"] if self.upload else found


def run(conditions: Conditions) -> Outcome:
    """So many payloads, each planted, looked at in the browser, exported, and looked for in the log."""
    payloads = PAYLOADS[: conditions.count]
    with ExitStack() as stack:
        try:
            browser = stack.enter_context(conditions.browser())
        except Missing as missing:
            return Outcome(0, left_out=str(missing))
        app = stack.enter_context(conditions.app())
        world = World(app, conditions.watch, batches=1)
        asker = Asker(world, world.owner)
        tables, watch = table_names(app), conditions.watch
        watch.keep_secret(FORGED, [LOGGED])
        planted, failures = [], []
        for number, payload in enumerate(payloads):
            planted.append(plant(asker, payload, number))
            failures += exported(asker, planted[-1])
            failures += found_literally(asker, planted[-1])
        failures += refusals(asker, planted)
        shown, wrong = (0, []) if conditions.enough(failures) else looked_at(app, browser, asker, planted, conditions)
        failures += wrong + [words for words in watch.found if words.startswith(IN_LOG)]
        del watch.secrets[LOGGED]
        watch.found[:] = [words for words in watch.found if FORGED not in words]  # it is no secret
        if table_names(app) != tables:
            failures.append("the tables are not what they were")
        refused = sum(bool(one.refused) for one in planted)
        return Outcome(len(planted), failures, {"pages in Chromium": shown, "refused in part": refused})


def table_names(app: Flask) -> set[str]:
    """The tables that there are."""
    with app.app_context():
        return set(inspect(db.engine).get_table_names())


def plant(asker: Asker, payload: str, number: int) -> Planted:
    """Send the payload in every part of a file that comes with a batch. What refuses it goes without it."""
    found = Planted(payload)
    contacts = table([["phoneNumber", "note", payload], [f"+1606555{100 + number:04}", payload, payload]])
    waiting = table([["phoneNumber", payload], [payload, payload], ["+16065550100", payload]])
    form = [("userId", asker.person.user.id), ("callingNumbers", '["+16065550101"]'), ("timezone", "UTC")]
    for name, file_name in ((payload, f"{payload}.csv"), (payload, "a.csv"), ("a name", "a.csv")):
        pairs = [*form, ("batchName", name)]
        request = multipart_request("/api/call/upload", pairs, [SentFile(file_name, contacts)])
        answer = asker.ask(request.with_headers(X_Request_Id=one_line(payload)), ROWS["uploads_api.upload"])
        if answer.status == 200:
            found.batch = answer.json["batch"]["_id"]
            break
        found.refused.append(answer.status)
    file = SentFile(f"{payload}.csv", waiting)
    sent = multipart_request("/batches/new", [("csrf_token", asker.csrf_token)], [file])
    answer = asker.ask(sent, ROWS["uploads.receive_file"])
    found.upload = answer.headers.get("Location", "").rpartition("/batches/new/")[2] if answer.status == 303 else ""
    return found


def one_line(payload: str) -> str:
    """The payload as a header can carry it."""
    return payload.encode("utf-8").decode("latin-1").replace("\r", " ").replace("\n", " ")


def table(rows: list[list[str]]) -> bytes:
    """Rows as CSV."""
    lines = io.StringIO()
    csv.writer(lines).writerows(rows)
    return lines.getvalue().encode()


def exported(asker: Asker, planted: Planted) -> Iterator[str]:
    """What a spreadsheet would run of the batch's exports."""
    if not planted.batch:
        return
    row = ROWS["batches.export_calls"]
    for kind in ("csv", "xlsx"):
        for address in (f"/batches/{planted.batch}/calls.{kind}", f"/batches/export.{kind}"):
            answer = asker.ask(Request(path=address), row)
            if answer.status != 200:
                yield f"{address.rpartition('/')[2]} of {planted.payload!r}: {answer.status}"
            elif found := in_csv(answer) if kind == "csv" else in_workbook(answer):
                yield f"{address.rpartition('/')[2]} of {planted.payload!r}: {found}"


def in_csv(answer: Answer) -> str:
    """A cell that a spreadsheet would compute; empty where there is none."""
    cells = [cell for row in csv.reader(io.StringIO(answer.text.removeprefix("\ufeff"), newline="")) for cell in row]
    return next((cell for cell in cells if FORMULA.match(cell) and not PLAIN_NUMBER.fullmatch(cell)), "")


def in_workbook(answer: Answer) -> str:
    """What computes or leads elsewhere in a workbook; empty where nothing does."""
    with zipfile.ZipFile(io.BytesIO(answer.body)) as parts:
        content = b"".join(parts.read(name) for name in parts.namelist())
    return next((part.decode() for part in IN_WORKBOOK if part in content), "")


def found_literally(asker: Asker, planted: Planted) -> Iterator[str]:
    """A search for a batch's own name finds that batch, and no other that has another name."""
    address = f"/api/call/batches/{asker.person.user.id}"
    answer = asker.ask(
        Request(path=address, query=f"search={quote(planted.payload)}"), ROWS["batches_api.list_batches"]
    )
    if answer.status not in (200, 400):
        yield f"a search for {planted.payload!r}: {answer.status}"
    names = {batch["batchName"] for batch in answer.json["data"]["batches"]} if answer.status == 200 else set()
    if others := {name for name in names if planted.payload.strip().casefold() not in name.casefold()}:
        yield f"a search for {planted.payload!r} finds {sorted(others)[0]!r}"


def refusals(asker: Asker, planted: list[Planted]) -> Iterator[str]:
    """Forms that are shown again with the payload in them."""
    for one in planted:
        shown = one.payload + "x" * 201  # too long for a name
        target = f"/batches/{one.batch}/rename" if one.batch else "/settings/account"
        pairs = [("name", shown), ("zone", shown), ("region", shown), ("csrf_token", asker.csrf_token)]
        answer = asker.ask(form_request(target, pairs), ROWS["batches.rename_batch"])
        if answer.status != 400:
            yield f"a name of {one.payload!r} and 201 more: {answer.status}"
        if one.payload in answer.text and "<" in one.payload:
            yield f"the form shows {one.payload!r} unescaped"
        if COMPUTED in answer.text:
            yield f"the form computed {one.payload!r}"


def looked_at(
    app: Flask, browser: Browser, asker: Asker, planted: list[Planted], conditions: Conditions
) -> tuple[int, list[str]]:
    """The pages of every payload in Chromium: how many, and what happened there. A short form looks at every third."""
    failures: list[str] = []
    shown = 0
    with served(app) as base:
        context = browser.new_context(base_url=base)
        cookies = [{"name": name, "value": value, "url": base} for name, value in asker.client.cookies.items()]
        context.add_cookies(cookies)
        context.add_init_script(WATCHING)
        page = context.new_page()
        page.on("request", lambda request: elsewhere(request.url, base, failures))
        page.on("dialog", lambda dialog: (failures.append(f"a dialog: {dialog.message}"), dialog.dismiss()))
        for number, one in enumerate(planted):
            if number % 10 == 0:
                conditions.tell(f"{number} payloads, {shown} pages")
            addresses = one.addresses if conditions.full else one.addresses[number % 3 :: 3]
            for address in addresses:
                shown += 1
                failures += [f"{one.payload!r} at {address.partition('?')[0]}: {what}" for what in visit(page, address)]
            if conditions.enough(failures):
                break
        context.close()
    return shown, failures


def visit(page: Page, address: str) -> list[str]:
    """What happened in the page at that address, once it is there whole."""
    page.goto(address, wait_until="load")
    happened = page.evaluate(SEEN)
    return happened + (["a template was computed"] if COMPUTED in page.content() else [])


def elsewhere(url: str, base: str, failures: list[str]) -> None:
    """Note a request that leaves the portal."""
    if not url.startswith((base, "data:")):
        failures.append(f"the browser asked {url[:100]}")


class Quiet(WSGIRequestHandler):
    """Logs no addresses: the server that the portal is run by does not, either."""

    def log(self, type: str, message: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(app: Flask) -> Iterator[str]:
    """The app on a port of its own; the address without a slash at the end."""
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


# --- broken portals ---------------------------------------------------------------------------------------------------


@contextmanager
def believing_names() -> Iterator[None]:
    """A page of batches is given to the browser with everything in it taken for markup; only the browser can tell."""
    right = rendering.render_template

    def careless(template: str, **context: object) -> str:
        text = right(template, **context)
        return html.unescape(text) if template in ("batches/list.html", "batches/detail.html") else text

    with patch.object(rendering, "render_template", careless):
        yield


@contextmanager
def exporting_formulas() -> Iterator[None]:
    """Cells of a CSV are written as they are."""
    with patch.object(spreadsheets, "escape_formula", lambda text: text):
        yield


@contextmanager
def believing_request_ids() -> Iterator[None]:
    """The id that a request was sent with goes to the log, whatever it is."""
    with patch.object(request_hooks, "choose_request_id", lambda sent: sent):
        yield


TRIAL = Trial(
    name="injection",
    title="injection through upload to page, export and log (HTML, SQL, template, CSV formula, log lines, headers)",
    passes_when="0 run, in real Chromium",
    unit="payloads",
    full=len(PAYLOADS),
    short=8,
    run=run,
    broken={
        "batches are not escaped": believing_names,
        "formulas are exported": exporting_formulas,
        "what is sent is logged": believing_request_ids,
    },
)

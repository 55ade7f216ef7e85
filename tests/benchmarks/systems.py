"""The measured systems: how to start each one, request a view, and read its response."""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.benchmarks import bulk_load
from tests.benchmarks.databases import ROOT, DatabaseUrls
from tests.benchmarks.request_kinds import BenchmarkUser, ListView
from tests.support.databases import SECRET_KEY
from tests.support.sessions import csrf_token
from tests.support.timed_client import TimedClient, TimedResponse, get, post

HEX_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class ListPage:
    """The content of a response: the exact total, and the ids of the page in their order."""

    total: int
    ids: list[str]


class System(ABC):
    """A system that responds to requests for a view of a user's list."""

    name: str

    @abstractmethod
    def command(self, urls: DatabaseUrls) -> list[str]:
        """Return the command that starts it."""

    @abstractmethod
    def database(self, urls: DatabaseUrls) -> str:
        """Return the URL of its database."""

    @abstractmethod
    def address(self, user: BenchmarkUser, view: ListView) -> str | None:
        """Return the path and query of a view; None if the system does not support it."""

    @abstractmethod
    def read(self, response: TimedResponse) -> ListPage:
        """Read a response."""

    def environ(self, urls: DatabaseUrls) -> dict[str, str]:
        """Return its environment variables."""
        return {"DATABASE_URL": self.database(urls)}

    def headers(self, user: BenchmarkUser) -> dict[str, str]:
        """Return the headers that identify the user."""
        return {}

    def request(self, user: BenchmarkUser, view: ListView, **headers: str) -> bytes:
        """Return the request for a view. Raises ValueError if the system does not support it."""
        address = self.address(user, view)
        if address is None:
            raise ValueError(f"{self.name} has no such view")
        return get(address, self.headers(user) | headers)


class Portal(System):
    """The portal's JSON API with a bearer token."""

    name = "portal"

    def command(self, urls: DatabaseUrls) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "tests.benchmarks.portal_app:app"]

    def database(self, urls: DatabaseUrls) -> str:
        return urls.portal

    def environ(self, urls: DatabaseUrls) -> dict[str, str]:
        never_reached = {"RATE_PER_TOKEN": "1000000", "RATE_PER_ADDRESS": "1000000"}
        server = {"HOST": "127.0.0.1", "WEB_WORKERS": "1", "DIALER": "off"}
        settings = {"DATABASE_URL": urls.portal, "SECRET_KEY": SECRET_KEY} | server
        return settings | never_reached

    def headers(self, user: BenchmarkUser) -> dict[str, str]:
        return {"Authorization": f"Bearer {bulk_load.token(user.key)}"}

    def address(self, user: BenchmarkUser, view: ListView) -> str:
        pairs = view.pairs()
        return f"/api/call/batches/{user.id}" + (f"?{urlencode(pairs)}" if pairs else "")

    def read(self, response: TimedResponse) -> ListPage:
        data = response.json()["data"]
        return ListPage(data["pagination"]["total"], [batch["_id"] for batch in data["batches"]])


class PortalFragment(Portal):
    """The portal's HTML fragment for htmx, with a session cookie."""

    name = "portal fragment"

    def __init__(self) -> None:
        self.cookies: dict[int, str] = {}

    def sign_in(self, port: int, user: BenchmarkUser) -> None:
        """Sign in through the form."""
        with TimedClient(port) as client:
            form = client.send(get("/login"))
            fields = {
                "email": bulk_load.email(user.key),
                "password": bulk_load.PASSWORD,
                "csrf_token": csrf_token(form.body.decode()),
            }
            response = client.send(post("/login", urlencode(fields), {"Cookie": form.cookies()}), 303)
        self.cookies[user.key] = response.cookies()

    def headers(self, user: BenchmarkUser) -> dict[str, str]:
        return {"Cookie": self.cookies[user.key], "HX-Request": "true"}

    def address(self, user: BenchmarkUser, view: ListView) -> str:
        pairs = view.pairs()
        return "/batches" + (f"?{urlencode(pairs)}" if pairs else "")

    def read(self, response: TimedResponse) -> ListPage:
        text = response.body.decode()
        ids = list(dict.fromkeys(re.findall(r'href="/batches/([0-9a-f]{24})', text)))
        total = re.search(r"of (?:<[^>]+>)?([\d,]+)", text)
        return ListPage(int(total[1].replace(",", "")) if total else len(ids), ids)


class BareFlask(Portal):
    """An empty Flask app, served like the portal."""

    name = "bare Flask"

    def command(self, urls: DatabaseUrls) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "tests.benchmarks.bare_flask:app"]


class Peer(System):
    """An alternative to the portal, in its own virtual environment."""

    app: str

    def __init__(self, python: Path) -> None:
        self.python = str(python)

    def command(self, urls: DatabaseUrls) -> list[str]:
        config = str(ROOT / "tests" / "benchmarks" / "peers" / "gunicorn.conf.py")
        app = f"tests.benchmarks.peers.{self.app}:app"
        return [self.python, "-m", "gunicorn", "-c", config, "-b", "127.0.0.1:{port}", app]

    def database(self, urls: DatabaseUrls) -> str:
        return urls.plain.replace("postgresql:", "postgresql+psycopg:")


class FlaskSqlalchemy(Peer):
    """Plain Flask-SQLAlchemy on the table with an index for the order of the list."""

    name = "Flask-SQLAlchemy"
    app = "flask_sqlalchemy_app"

    def address(self, user: BenchmarkUser, view: ListView) -> str | None:
        if view.sort_by or view.since_ms is not None:
            return None
        pairs = {"page": view.page} | {k: v for k, v in (("search", view.search), ("status", view.status)) if v}
        return f"/batches/{user.key}?{urlencode(pairs)}"

    def read(self, response: TimedResponse) -> ListPage:
        data = response.json()
        return ListPage(data["pagination"]["total"], [batch["_id"] for batch in data["batches"]])


class CoveringIndex(FlaskSqlalchemy):
    """Plain Flask-SQLAlchemy on the table with a covering index."""

    name = "Flask-SQLAlchemy, covering index"

    def database(self, urls: DatabaseUrls) -> str:
        return urls.covering.replace("postgresql:", "postgresql+psycopg:")


class FastApi(Peer):
    """FastAPI with fastapi-pagination under uvicorn."""

    name = "FastAPI"

    def command(self, urls: DatabaseUrls) -> list[str]:
        options = ["--host", "127.0.0.1", "--port", "{port}", "--workers", "1", "--log-level", "warning"]
        return [self.python, "-m", "uvicorn", "tests.benchmarks.peers.fastapi_app:app", *options]

    def address(self, user: BenchmarkUser, view: ListView) -> str | None:
        if view.sort_by or view.since_ms is not None or view.status:
            return None
        pairs = {"page": view.page, "size": 10} | ({"search": view.search} if view.search else {})
        return f"/batches/{user.key}?{urlencode(pairs)}"

    def read(self, response: TimedResponse) -> ListPage:
        data = response.json()
        return ListPage(data["total"], [batch["public_id"] for batch in data["items"]])


class Datasette(Peer):
    """Datasette's JSON of a table, on SQLite only and without page numbers."""

    name = "Datasette JSON"

    def command(self, urls: DatabaseUrls) -> list[str]:
        file = urls.plain.removeprefix("sqlite:///")
        self.base = Path(file).stem
        return [self.python, "-m", "datasette", "serve", file, "-h", "127.0.0.1", "-p", "{port}"]

    def address(self, user: BenchmarkUser, view: ListView) -> str | None:
        if view.sort_by or view.since_ms is not None or view.page > 1:
            return None
        pairs = {"user_id": user.key, "deleted": 0, "_sort_desc": "created_at", "_size": 10, "_shape": "objects"}
        pairs |= {"_nofacet": 1, "_nosuggest": 1}
        pairs |= {"name__contains": view.search} if view.search else {}
        pairs |= {"status": view.status} if view.status else {}
        return f"/{self.base}/batches.json?{urlencode(pairs)}"

    def read(self, response: TimedResponse) -> ListPage:
        data = response.json()
        return ListPage(data["filtered_table_rows_count"], [row["public_id"] for row in data["rows"]])


class FlaskAdmin(Peer):
    """Flask-Admin's list of a model."""

    name = "Flask-Admin"
    app = "flask_admin_app"

    def address(self, user: BenchmarkUser, view: ListView) -> str | None:
        if view.sort_by or view.since_ms is not None:
            return None
        pairs = {"flt0_user_id_equals": user.key, "page": view.page - 1}
        pairs |= {"search": view.search} if view.search else {}
        pairs |= {"flt1_status_equals": view.status} if view.status else {}
        return f"/admin/batches/?{urlencode(pairs)}"

    def read(self, response: TimedResponse) -> ListPage:
        text = response.body.decode()
        total = re.search(r"List\s*\((\d+)\)", text)
        ids = [HEX_ID.search(metric)[0] for metric in re.findall(r'col-public_id">\s*[0-9a-f]{24}', text)]
        return ListPage(int(total[1]) if total else len(ids), ids)


class DjangoAdmin(Peer):
    """Django's admin list of a model."""

    name = "Django admin"
    app = "django_admin_app"

    def address(self, user: BenchmarkUser, view: ListView) -> str | None:
        if view.sort_by or view.since_ms is not None:
            return None
        pairs = {"user_id__exact": user.key} | ({"p": view.page} if view.page > 1 else {})
        pairs |= {"q": view.search} if view.search else {}
        pairs |= {"status__exact": view.status} if view.status else {}
        return f"/admin/admin/batch/?{urlencode(pairs)}"

    def read(self, response: TimedResponse) -> ListPage:
        text = response.body.decode()
        total = re.search(r"(\d+) batchs?\s", text.partition('class="paginator"')[2])
        return ListPage(int(total[1]), re.findall(r'field-public_id"><a [^>]+>([0-9a-f]{24})<', text))


def peers(engine: str, python: Path) -> list[System]:
    """Return the peers that support this engine."""
    kinds: list[type[Peer]] = [FlaskSqlalchemy, CoveringIndex, FastApi, FlaskAdmin, DjangoAdmin]
    if engine == "sqlite":
        kinds.insert(3, Datasette)
    return [kind(python) for kind in kinds]

"""Who is measured: how each is started, how it is asked for a view, and how its answer is read."""

from __future__ import annotations

import re
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlencode

from tests.benchmarks import load
from tests.benchmarks.asks import User, View
from tests.benchmarks.client import Answer, Client, get, post
from tests.benchmarks.stores import ROOT, Store

HEX_ID = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Found:
    """What an answer says: the exact total, and the ids of the page in their order."""

    total: int
    ids: list[str]


class Contender(ABC):
    """Something that answers a request for a view of a user's list."""

    name: str

    @abstractmethod
    def command(self, store: Store) -> list[str]:
        """How it is started."""

    @abstractmethod
    def database(self, store: Store) -> str:
        """The URL of the database that it reads."""

    @abstractmethod
    def address(self, user: User, view: View) -> str | None:
        """Path and query of a view; None for one that it does not have."""

    @abstractmethod
    def read(self, answer: Answer) -> Found:
        """What its answer says."""

    def environ(self, store: Store) -> dict[str, str]:
        """What it finds in its environment."""
        return {"DATABASE_URL": self.database(store)}

    def headers(self, user: User) -> dict[str, str]:
        """What it wants to know of whoever asks."""
        return {}

    def request(self, user: User, view: View, **headers: str) -> bytes:
        """The request for a view that it has."""
        address = self.address(user, view)
        if address is None:
            raise ValueError(f"{self.name} has no such view")
        return get(address, self.headers(user) | headers)


class Portal(Contender):
    """The portal's JSON, asked with a bearer token."""

    name = "portal"

    def command(self, store: Store) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "tests.benchmarks.wsgi:app"]

    def database(self, store: Store) -> str:
        return store.portal

    def environ(self, store: Store) -> dict[str, str]:
        never_reached = {"RATE_PER_TOKEN": "1000000", "RATE_PER_ADDRESS": "1000000"}
        settings = {"DATABASE_URL": store.portal, "SECRET_KEY": "measured", "HOST": "127.0.0.1", "WEB_WORKERS": "1"}
        return settings | never_reached

    def headers(self, user: User) -> dict[str, str]:
        return {"Authorization": f"Bearer {load.token(user.key)}"}

    def address(self, user: User, view: View) -> str:
        pairs = view.pairs()
        return f"/api/call/batches/{user.id}" + (f"?{urlencode(pairs)}" if pairs else "")

    def read(self, answer: Answer) -> Found:
        data = answer.json()["data"]
        return Found(data["pagination"]["total"], [batch["_id"] for batch in data["batches"]])


class PortalFragment(Portal):
    """The portal's table as htmx fetches it, asked with a session cookie."""

    name = "portal fragment"

    def __init__(self) -> None:
        self.cookies: dict[int, str] = {}

    def sign_in(self, port: int, user: User) -> None:
        """Get a session through the sign-in page."""
        with Client(port) as client:
            form = client.ask(get("/login"))
            csrf = form.body.decode().partition('name="csrf_token" value="')[2].partition('"')[0]
            fields = {"email": load.email(user.key), "password": load.PASSWORD, "csrf_token": csrf}
            answer = client.ask(post("/login", urlencode(fields), {"Cookie": form.cookies()}), 303)
        self.cookies[user.key] = answer.cookies()

    def headers(self, user: User) -> dict[str, str]:
        return {"Cookie": self.cookies[user.key], "HX-Request": "true"}

    def address(self, user: User, view: View) -> str:
        pairs = view.pairs()
        return "/batches" + (f"?{urlencode(pairs)}" if pairs else "")

    def read(self, answer: Answer) -> Found:
        text = answer.body.decode()
        ids = list(dict.fromkeys(re.findall(r'href="/batches/([0-9a-f]{24})', text)))
        total = re.search(r"of (?:<[^>]+>)?([\d,]+)", text)
        return Found(int(total[1].replace(",", "")) if total else len(ids), ids)


class Bare(Portal):
    """Flask with nothing in it, served as the portal is."""

    name = "bare Flask"

    def command(self, store: Store) -> list[str]:
        return [sys.executable, "-m", "gunicorn", "tests.benchmarks.bare:app"]


class Peer(Contender):
    """What people would use instead, in an environment of its own."""

    app: str

    def __init__(self, python: Path) -> None:
        self.python = str(python)

    def command(self, store: Store) -> list[str]:
        config = str(ROOT / "tests" / "benchmarks" / "peers" / "gunicorn.conf.py")
        return [
            self.python,
            "-m",
            "gunicorn",
            "-c",
            config,
            "-b",
            "127.0.0.1:{port}",
            f"tests.benchmarks.peers.{self.app}:app",
        ]

    def database(self, store: Store) -> str:
        return store.bare.replace("postgresql:", "postgresql+psycopg:")


class FlaskSqlalchemy(Peer):
    """Plain Flask-SQLAlchemy on the table with an index for the list in its order."""

    name = "Flask-SQLAlchemy"
    app = "flask_sqlalchemy_app"

    def address(self, user: User, view: View) -> str | None:
        if view.sort_by or view.since_ms is not None:
            return None
        pairs = {"page": view.page} | {k: v for k, v in (("search", view.search), ("status", view.status)) if v}
        return f"/batches/{user.key}?{urlencode(pairs)}"

    def read(self, answer: Answer) -> Found:
        data = answer.json()
        return Found(data["pagination"]["total"], [batch["_id"] for batch in data["batches"]])


class CoveringIndex(FlaskSqlalchemy):
    """The same on the table with a covering index."""

    name = "Flask-SQLAlchemy, covering index"

    def database(self, store: Store) -> str:
        return store.covered.replace("postgresql:", "postgresql+psycopg:")


class FastApi(Peer):
    """FastAPI with fastapi-pagination under uvicorn."""

    name = "FastAPI"

    def command(self, store: Store) -> list[str]:
        options = ["--host", "127.0.0.1", "--port", "{port}", "--workers", "1", "--log-level", "warning"]
        return [self.python, "-m", "uvicorn", "tests.benchmarks.peers.fastapi_app:app", *options]

    def address(self, user: User, view: View) -> str | None:
        if view.sort_by or view.since_ms is not None or view.status:
            return None
        pairs = {"page": view.page, "size": 10} | ({"search": view.search} if view.search else {})
        return f"/batches/{user.key}?{urlencode(pairs)}"

    def read(self, answer: Answer) -> Found:
        data = answer.json()
        return Found(data["total"], [batch["public_id"] for batch in data["items"]])


class Datasette(Peer):
    """Datasette's JSON of a table; on SQLite alone, and without page numbers."""

    name = "Datasette JSON"

    def command(self, store: Store) -> list[str]:
        file = store.bare.removeprefix("sqlite:///")
        self.base = Path(file).stem
        return [self.python, "-m", "datasette", "serve", file, "-h", "127.0.0.1", "-p", "{port}"]

    def address(self, user: User, view: View) -> str | None:
        if view.sort_by or view.since_ms is not None or view.page > 1:
            return None
        pairs = {"user_id": user.key, "deleted": 0, "_sort_desc": "created_at", "_size": 10, "_shape": "objects"}
        pairs |= {"_nofacet": 1, "_nosuggest": 1}
        pairs |= {"name__contains": view.search} if view.search else {}
        pairs |= {"status": view.status} if view.status else {}
        return f"/{self.base}/batches.json?{urlencode(pairs)}"

    def read(self, answer: Answer) -> Found:
        data = answer.json()
        return Found(data["filtered_table_rows_count"], [row["public_id"] for row in data["rows"]])


class FlaskAdmin(Peer):
    """Flask-Admin's list of a model."""

    name = "Flask-Admin"
    app = "flask_admin_app"

    def address(self, user: User, view: View) -> str | None:
        if view.sort_by or view.since_ms is not None:
            return None
        pairs = {"flt0_user_id_equals": user.key, "page": view.page - 1}
        pairs |= {"search": view.search} if view.search else {}
        pairs |= {"flt1_status_equals": view.status} if view.status else {}
        return f"/admin/batches/?{urlencode(pairs)}"

    def read(self, answer: Answer) -> Found:
        text = answer.body.decode()
        total = re.search(r"List\s*\((\d+)\)", text)
        ids = [HEX_ID.search(cell)[0] for cell in re.findall(r'col-public_id">\s*[0-9a-f]{24}', text)]
        return Found(int(total[1]) if total else len(ids), ids)


class DjangoAdmin(Peer):
    """Django's admin list of a model."""

    name = "Django admin"
    app = "django_admin_app"

    def address(self, user: User, view: View) -> str | None:
        if view.sort_by or view.since_ms is not None:
            return None
        pairs = {"user_id__exact": user.key} | ({"p": view.page} if view.page > 1 else {})
        pairs |= {"q": view.search} if view.search else {}
        pairs |= {"status__exact": view.status} if view.status else {}
        return f"/admin/admin/batch/?{urlencode(pairs)}"

    def read(self, answer: Answer) -> Found:
        text = answer.body.decode()
        total = re.search(r"(\d+) batchs?\s", text.partition('class="paginator"')[2])
        return Found(int(total[1]), re.findall(r'field-public_id"><a [^>]+>([0-9a-f]{24})<', text))


def peers(engine: str, python: Path) -> list[Contender]:
    """Those that run on this engine."""
    kinds: list[type[Peer]] = [FlaskSqlalchemy, CoveringIndex, FastApi, FlaskAdmin, DjangoAdmin]
    if engine == "sqlite":
        kinds.insert(3, Datasette)
    return [kind(python) for kind in kinds]

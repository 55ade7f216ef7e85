"""Requests put to the portal within this process, byte for byte as a server would hand them on."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import quote_from_bytes, unquote_plus, unquote_to_bytes

from flask import Flask
from werkzeug.datastructures import Headers
from werkzeug.http import parse_cookie, parse_options_header
from werkzeug.test import run_wsgi_app

from tests.trials.watch import Watch

Text = str | bytes
Pairs = Sequence[tuple[Text, Text]]
BOUNDARY = "a-boundary-between-parts"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def as_bytes(text: Text) -> bytes:
    """The bytes of a text; lone surrogates stay what they are."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class Request:
    """A request. `path` stands as in an address, percent signs and all; a header may hold any bytes but line breaks."""

    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, Text] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = ""

    def with_headers(self, **more: Text) -> Request:
        """The same with more headers, named with underscores."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return replace(self, headers={**self.headers, **named})

    @property
    def sent(self) -> str:
        """Everything that was sent but for headers, as a person typed it."""
        return unquote_plus("\n".join((self.path, self.query, self.body.decode("utf-8", "replace"))))

    def __str__(self) -> str:
        told = f"{self.method} {self.path}{'?' if self.query else ''}{self.query}"
        headers = {name: value for name, value in self.headers.items() if name not in ("Cookie", "Authorization")}
        return f"{told[:300]} {headers or ''} {self.body[:300]!r}"


@dataclass(frozen=True)
class Answer:
    """What the portal said."""

    status: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body as a text, whatever bytes are in it."""
        return self.body.decode("utf-8", "replace")

    @property
    def kind(self) -> str:
        """The content type without its parameters."""
        return parse_options_header(self.headers.get("Content-Type", ""))[0]

    @property
    def json(self) -> Any:
        """The body as JSON; None where it is none."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def encoded(pairs: Pairs) -> str:
    """Pairs as a query string or a form."""
    return "&".join(f"{quote_from_bytes(as_bytes(name))}={quote_from_bytes(as_bytes(value))}" for name, value in pairs)


def json_request(method: str, path: str, body: Any, **headers: Text) -> Request:
    """A request with a JSON body."""
    return Request(method, path, body=json.dumps(body).encode(), content_type="application/json").with_headers(
        **headers
    )


def form_request(path: str, pairs: Pairs, method: str = "POST") -> Request:
    """A form as a browser submits it."""
    content_type = "application/x-www-form-urlencoded"
    return Request(method, path, body=encoded(pairs).encode(), content_type=content_type)


@dataclass(frozen=True)
class SentFile:
    """A file in a form."""

    name: Text
    content: bytes
    field: str = "file"


def multipart_request(path: str, pairs: Pairs, files: Iterable[SentFile] = (), method: str = "POST") -> Request:
    """A form with files, every byte of names and values as given."""
    parts = [(b'form-data; name="%s"' % as_bytes(name), as_bytes(value)) for name, value in pairs]
    for file in files:
        name = as_bytes(file.name).replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
        parts.append((b'form-data; name="%s"; filename="%s"' % (file.field.encode(), name), file.content))
    lines = [
        b"--%s\r\nContent-Disposition: %s\r\n\r\n%s\r\n" % (BOUNDARY.encode(), head, value) for head, value in parts
    ]
    body = b"".join([*lines, b"--%s--\r\n" % BOUNDARY.encode()])
    return Request(method, path, body=body, content_type=f"multipart/form-data; boundary={BOUNDARY}")


class Client:
    """Somebody who asks: keeps cookies as a browser does. `watch` sees every answer."""

    def __init__(self, app: Flask, watch: Watch) -> None:
        self.app = app
        self.watch = watch
        self.cookies: dict[str, str] = {}

    def ask(self, request: Request) -> Answer:
        """Put a request."""
        environ = environ_of(request)
        if self.cookies and "HTTP_COOKIE" not in environ:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            body, status, headers = run_wsgi_app(self.app, environ, buffered=True)
            answer = Answer(int(status.split()[0]), headers, b"".join(body))
        except Exception as error:  # a server would answer so
            answer = Answer(500, Headers(), f"{type(error).__name__} left the portal: {error}".encode())
        self.keep_cookies(answer.headers)
        self.watch.see(f"the answer to {request.method} {request.path[:60]}", answer.text, request.sent)
        return answer

    def get(self, path: str, query: str = "") -> Answer:
        """Ask for a page."""
        return self.ask(Request(path=path, query=query))

    def keep_cookies(self, headers: Headers) -> None:
        """Take over what the portal sets, and let go what it ends."""
        for line in headers.getlist("Set-Cookie"):
            pair, _, attributes = line.partition(";")
            (name, value), *_ = parse_cookie(pair).items() or [("", "")]
            ended = "max-age=0" in attributes.lower() or "expires=thu, 01 jan 1970" in attributes.lower()
            if ended:
                self.cookies.pop(name, None)
            elif name:
                self.cookies[name] = value

    def csrf_token(self, path: str = "/login") -> str:
        """The CSRF token that a page holds; empty where there is none."""
        return self.get(path).text.partition('name="csrf_token" value="')[2].partition('"')[0]

    def sign_in(self, email: str, password: str) -> Answer:
        """Sign in through the page."""
        pairs = [("email", email), ("password", password), ("csrf_token", self.csrf_token())]
        return self.ask(form_request("/login", pairs))


def environ_of(request: Request) -> dict[str, Any]:
    """A request as WSGI has it."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": as_bytes(request.query).decode("latin-1"),
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "localhost",
        "CONTENT_LENGTH": str(len(request.body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(request.body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
    }
    if request.content_type:
        environ["CONTENT_TYPE"] = request.content_type
    for name, value in request.headers.items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = as_bytes(value).decode("latin-1")
    return environ

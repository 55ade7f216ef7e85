"""A client of the portal within this process that sends every byte as a server would pass it on."""

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

from tests.support import sessions
from tests.support.monitor import LeakMonitor

Text = str | bytes
Pairs = Sequence[tuple[Text, Text]]
BOUNDARY = "a-boundary-between-parts"
SPREADSHEET = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def encode(text: Text) -> bytes:
    """Encode a text; lone surrogates are preserved."""
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogatepass")


@dataclass(frozen=True)
class WsgiRequest:
    """A request. `path` is percent-encoded; a header may contain any bytes except line breaks."""

    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: Mapping[str, Text] = field(default_factory=dict)
    body: bytes = b""
    content_type: str = ""

    def with_headers(self, **more: Text) -> WsgiRequest:
        """Return the request with more headers; write their names with underscores."""
        named = {name.replace("_", "-"): value for name, value in more.items()}
        return replace(self, headers={**self.headers, **named})

    @property
    def sent(self) -> str:
        """Everything that was sent except headers, decoded."""
        return unquote_plus("\n".join((self.path, self.query, self.body.decode("utf-8", "replace"))))

    def __str__(self) -> str:
        line = f"{self.method} {self.path}{'?' if self.query else ''}{self.query}"
        headers = {name: value for name, value in self.headers.items() if name not in ("Cookie", "Authorization")}
        return f"{line[:300]} {headers or ''} {self.body[:300]!r}"


@dataclass(frozen=True)
class WsgiResponse:
    """A response."""

    status: int
    headers: Headers
    body: bytes

    @property
    def text(self) -> str:
        """The body as text, with invalid bytes replaced."""
        return self.body.decode("utf-8", "replace")

    @property
    def kind(self) -> str:
        return parse_options_header(self.headers.get("Content-Type", ""))[0]

    @property
    def json(self) -> Any:
        """The parsed body; None if it is not JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            return None


def encode_pairs(pairs: Pairs) -> str:
    """Encode pairs as a query string or form."""
    return "&".join(f"{quote_from_bytes(encode(name))}={quote_from_bytes(encode(value))}" for name, value in pairs)


def json_request(method: str, path: str, body: Any, **headers: Text) -> WsgiRequest:
    """Return a request with a JSON body."""
    return WsgiRequest(method, path, body=json.dumps(body).encode(), content_type="application/json").with_headers(
        **headers
    )


def form_request(path: str, pairs: Pairs, method: str = "POST") -> WsgiRequest:
    """Return a form submission."""
    content_type = "application/x-www-form-urlencoded"
    return WsgiRequest(method, path, body=encode_pairs(pairs).encode(), content_type=content_type)


@dataclass(frozen=True)
class FormFile:
    """A file of a form."""

    name: Text
    content: bytes
    field: str = "file"


def multipart_request(path: str, pairs: Pairs, files: Iterable[FormFile] = (), method: str = "POST") -> WsgiRequest:
    """Return a form submission with files; names and values are sent byte for byte."""
    parts = [(b'form-data; name="%s"' % encode(name), encode(value)) for name, value in pairs]
    for file in files:
        name = encode(file.name).replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
        parts.append((b'form-data; name="%s"; filename="%s"' % (file.field.encode(), name), file.content))
    lines = [
        b"--%s\r\nContent-Disposition: %s\r\n\r\n%s\r\n" % (BOUNDARY.encode(), head, value) for head, value in parts
    ]
    body = b"".join([*lines, b"--%s--\r\n" % BOUNDARY.encode()])
    return WsgiRequest(method, path, body=body, content_type=f"multipart/form-data; boundary={BOUNDARY}")


class WsgiClient:
    """A client with cookies. The monitor checks every response."""

    def __init__(self, app: Flask, monitor: LeakMonitor) -> None:
        self.app = app
        self.monitor = monitor
        self.cookies: dict[str, str] = {}

    def send(self, request: WsgiRequest) -> WsgiResponse:
        """Send a request."""
        environ = wsgi_environ(request)
        if self.cookies and "HTTP_COOKIE" not in environ:
            environ["HTTP_COOKIE"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        try:
            body, status, headers = run_wsgi_app(self.app, environ, buffered=True)
            response = WsgiResponse(int(status.split()[0]), headers, b"".join(body))
        except Exception as error:  # a server would answer the same
            response = WsgiResponse(
                500, Headers(), f"{type(error).__name__} was not handled by the portal: {error}".encode()
            )
        self.update_cookies(response.headers)
        self.monitor.check_response(f"the answer to {request.method} {request.path[:60]}", response.text, request.sent)
        return response

    def get(self, path: str, query: str = "") -> WsgiResponse:
        return self.send(WsgiRequest(path=path, query=query))

    def update_cookies(self, headers: Headers) -> None:
        """Store the cookies that the response sets and drop those that it deletes."""
        for line in headers.getlist("Set-Cookie"):
            pair, _, attributes = line.partition(";")
            (name, value), *_ = parse_cookie(pair).items() or [("", "")]
            deleted = "max-age=0" in attributes.lower() or "expires=thu, 01 jan 1970" in attributes.lower()
            if deleted:
                self.cookies.pop(name, None)
            elif name:
                self.cookies[name] = value

    def csrf_token(self, path: str = "/login") -> str:
        """Return the CSRF token of a page; empty if it has none."""
        return sessions.csrf_token(self.get(path).text)

    def sign_in(self, email: str, password: str) -> WsgiResponse:
        """Sign in through the form."""
        pairs = [("email", email), ("password", password), ("csrf_token", self.csrf_token())]
        return self.send(form_request("/login", pairs))


def wsgi_environ(request: WsgiRequest) -> dict[str, Any]:
    """Return the WSGI environment of a request."""
    environ: dict[str, Any] = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(request.path).decode("latin-1"),
        "QUERY_STRING": encode(request.query).decode("latin-1"),
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
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = encode(value).decode("latin-1")
    return environ

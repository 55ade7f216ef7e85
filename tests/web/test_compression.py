"""Compression: who gets it, and what it does to headers, streams and conditional requests."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from flask import Flask, Response, send_file
from flask.testing import FlaskClient

from portal.version import ROOT
from portal.web import compression
from portal.web.etags import conditional_response

LONG = "batch " * 500
GZIP = {"Accept-Encoding": "gzip"}


@pytest.fixture
def client() -> FlaskClient:
    """An app with a response of each kind."""
    app = Flask(__name__, static_folder=str(ROOT / "static"))
    compression.init_app(app)
    views: dict[str, Callable[[], Any]] = {
        "/api/long": lambda: conditional_response(lambda: Response(LONG, mimetype="application/json"), 1),
        "/api/short": lambda: conditional_response(lambda: Response("{}", mimetype="application/json"), 1),
        "/page": lambda: LONG,
        "/image": lambda: Response(LONG, mimetype="image/png"),
        "/packed": lambda: Response(LONG, headers={"Content-Encoding": "br"}),
        "/lines": lambda: Response(iter([LONG]), mimetype="application/x-ndjson"),
        "/file": lambda: send_file(ROOT / "README.md", mimetype="text/plain", conditional=True),
    }
    for path, view in views.items():
        app.add_url_rule(path, path, view)
    return app.test_client()


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [
        ("gzip", True),
        ("GZIP", True),
        ("*", True),
        ("br, gzip;q=0.1", True),
        ("gzip, deflate, br, zstd", True),
        ("identity;q=0.5, gzip;q=0.5", True),
        ("", False),
        ("br", False),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("identity, gzip;q=0.5", False),
        ("identity", False),
    ],
)
def test_clients_that_prefer_gzip_get_it(client: FlaskClient, accepted: str, is_compressed: bool) -> None:
    answer = client.get("/api/long", headers={"Accept-Encoding": accepted})
    assert (answer.headers.get("Content-Encoding") == "gzip") == is_compressed
    assert (gzip.decompress(answer.data) if is_compressed else answer.data) == LONG.encode()
    assert answer.content_length == len(answer.data)
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("path", ["/api/short", "/image", "/packed", "/lines"])
def test_short_and_compressed_content_and_progress_stay_as_they_are(client: FlaskClient, path: str) -> None:
    assert client.get(path, headers=GZIP).headers.get("Content-Encoding") != "gzip"


@pytest.mark.parametrize("path", ["/api/long", "/api/short"])
def test_a_tag_is_weak_where_compression_is_possible_and_still_gives_304(client: FlaskClient, path: str) -> None:
    plain, compressed = client.get(path), client.get(path, headers=GZIP)
    assert compressed.headers["ETag"] == f"W/{plain.headers['ETag']}"
    for tag in (plain.headers["ETag"], compressed.headers["ETag"]):
        for headers, expected in ((GZIP, compressed), ({}, plain)):
            again = client.get(path, headers={"If-None-Match": tag, **headers})
            assert (again.status_code, again.data) == (304, b"")
            assert again.headers["ETag"] == expected.headers["ETag"]
            assert "Accept-Encoding" in again.headers["Vary"]
            assert "Content-Encoding" not in again.headers


def test_head_has_the_headers_of_get(client: FlaskClient) -> None:
    got, head = client.get("/api/long", headers=GZIP), client.head("/api/long", headers=GZIP)
    assert head.data == b""
    assert dict(head.headers) == dict(got.headers)


@pytest.mark.parametrize(("site", "is_compressed"), [
    (None, True), ("none", True), ("same-origin", True), ("same-site", False), ("cross-site", False), ("?", False),
])  # fmt: skip
def test_a_page_requested_by_another_site_is_not_compressed(
    client: FlaskClient, site: str | None, is_compressed: bool
) -> None:
    headers = GZIP | ({"Sec-Fetch-Site": site} if site else {})
    assert ("Content-Encoding" in client.get("/page", headers=headers).headers) == is_compressed
    assert "Content-Encoding" in client.get("/api/long", headers=headers).headers


def test_a_static_file_is_compressed_but_a_range_of_it_is_not(client: FlaskClient) -> None:
    content = (ROOT / "static" / "scripts" / "refresh.js").read_bytes()

    def get(path: str, **headers: str) -> Any:
        return client.get(path, headers=GZIP | headers, buffered=True)  # closes the file

    answer = get("/static/scripts/refresh.js")
    assert gzip.decompress(answer.data) == content
    assert "Accept-Ranges" not in answer.headers
    assert get("/static/scripts/refresh.js", If_None_Match=answer.headers["ETag"]).status_code == 304
    part = get("/file", Range="bytes=0-4999")
    assert (part.status_code, part.headers.get("Content-Encoding"), len(part.data)) == (206, None, 5000)


def test_each_chunk_of_a_stream_is_sent_at_once() -> None:
    unpack = zlib.decompressobj(compression.GZIP_WINDOW)
    chunks = compression.compress_chunks(iter((b"first,", b"second,", b"third")))
    assert [unpack.decompress(next(chunks)) for _ in range(2)] == [b"first,", b"second,"]
    assert unpack.decompress(b"".join(chunks)) == b"third"
    assert unpack.eof


class Stream:
    """A stream that knows whether it was closed."""

    is_closed = False

    def __iter__(self) -> Iterator[str]:
        yield from (LONG, "end")

    def close(self) -> None:
        self.is_closed = True


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_compressed_stream_is_closed(method: str) -> None:
    app, stream = Flask(__name__), Stream()
    compression.init_app(app)
    app.add_url_rule("/export", "export", lambda: Response(stream, mimetype="text/csv"))
    answer = app.test_client().open("/export", method=method, headers=GZIP, buffered=True)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert answer.data == b"" if method == "HEAD" else gzip.decompress(answer.data) == f"{LONG}end".encode()
    assert stream.is_closed

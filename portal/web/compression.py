"""Compress responses with gzip for the clients that accept it (RFC 9110, sections 8.4.1 and 12.5.3)."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterable, Iterator
from functools import lru_cache

from flask import Flask, Request, Response, request

from portal.web.sessions import is_api

COMPRESSIBLE_TYPES = frozenset(
    (
        "application/javascript",
        "application/json",
        "image/svg+xml",
        "text/css",
        "text/csv",
        "text/html",
        "text/javascript",
        "text/plain",
    )
)
MIN_BYTES = 1000
LEVEL = 5  # 6, the default, takes a third longer for 1% less
GZIP_WINDOW = 16 + zlib.MAX_WBITS
STATIC = "static"
OWN_SITES = ("same-origin", "none")  # a page of the portal, or the user


def init_app(app: Flask) -> None:
    """Compress the responses of this app."""

    @app.after_request
    def compress(response: Response) -> Response:
        current = request._get_current_object()
        if not is_compressible(response):
            return response
        response.vary.add("Accept-Encoding")
        if prefers_gzip(current) and not reveals_its_length(current):
            compress_response(response, is_static=current.endpoint == STATIC)
        return response


def is_compressible(response: Response) -> bool:
    """Return whether compression is possible: of texts, and of 304, whose headers are those of a 200."""
    if response.status_code == 206 or response.content_encoding:
        return False
    return response.status_code == 304 or response.mimetype in COMPRESSIBLE_TYPES


def prefers_gzip(current: Request) -> bool:
    """Return whether the client accepts gzip, and does not prefer an unchanged response."""
    accepted = {name.lower(): quality for name, quality in current.accept_encodings}
    quality = accepted.get("gzip", accepted.get("*", 0))
    return quality > 0 and quality >= accepted.get("identity", 0)


def reveals_its_length(current: Request) -> bool:
    """Return whether another site may have made a browser request this page with its cookie.

    The length of a compressed page tells who sees the encrypted traffic whether a guess in its address repeats a secret
    of the page (BREACH, docs/decisions/0005). The API ignores cookies, and static files have no secrets.
    """
    if is_api(current.path) or current.endpoint == STATIC:
        return False
    return current.headers.get("Sec-Fetch-Site", "none") not in OWN_SITES


def compress_response(response: Response, *, is_static: bool) -> None:
    """Compress a response unless it is short; its ETag becomes weak, because it names more than one representation."""
    etag, is_weak = response.get_etag()
    if etag and not is_weak:
        response.set_etag(etag, weak=True)
    if response.status_code == 304:
        return
    if response.is_streamed and not is_static:
        if close := getattr(response.response, "close", None):
            response.call_on_close(close)  # also after HEAD, which reads no chunk
        response.response = compress_chunks(response.iter_encoded())
        response.headers.pop("Content-Length", None)
    else:
        response.direct_passthrough = False
        content = response.get_data()
        if len(content) < MIN_BYTES:
            return
        response.set_data(compress_static(content) if is_static else gzip.compress(content, LEVEL, mtime=0))
    response.headers.pop("Accept-Ranges", None)
    response.content_encoding = "gzip"


@lru_cache(maxsize=64)
def compress_static(content: bytes) -> bytes:
    """Return a static file compressed, once in a process."""
    return gzip.compress(content, mtime=0)


def compress_chunks(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield each chunk compressed as soon as it comes."""
    compressor = zlib.compressobj(LEVEL, zlib.DEFLATED, GZIP_WINDOW)
    for chunk in chunks:
        yield compressor.compress(chunk) + compressor.flush(zlib.Z_SYNC_FLUSH)
    yield compressor.flush()

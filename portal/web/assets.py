"""Static files with their checksum in the URL, and the bundles: one style sheet and one script for every page.

A bundle is joined from its sources when the app starts, so the sources stay divided by component.
"""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from typing import NamedTuple

from flask import Flask, Response, current_app, request, url_for

from portal.version import ROOT

STATIC = ROOT / "static"


class Bundle(NamedTuple):
    """Files in a folder of static/, joined in this order: those named first, then the others by name."""

    folder: str
    mime_type: str
    first: tuple[str, ...] = ()


BUNDLES = {
    "portal.css": Bundle("styles", "text/css; charset=utf-8", ("base.css", "layout.css")),
    "portal.js": Bundle("scripts", "text/javascript; charset=utf-8"),
}


@lru_cache(maxsize=len(BUNDLES))
def build_bundle(name: str) -> bytes:
    """Return the content of a bundle."""
    bundle = BUNDLES[name]
    paths = sorted((STATIC / bundle.folder).iterdir(), key=lambda path: (path.name not in bundle.first, path.name))
    return b"\n".join(path.read_bytes() for path in paths)


@lru_cache(maxsize=256)
def checksum(filename: str) -> str:
    """Return a short checksum of a bundle or static file."""
    content = build_bundle(filename) if filename in BUNDLES else (STATIC / filename).read_bytes()
    return sha256(content).hexdigest()[:10]


def asset_url(filename: str) -> str:
    """Return the URL of a bundle or static file. It changes with the content, so browsers may cache it forever."""
    return url_for("static", filename=filename, v=checksum(filename))


def send_bundle(name: str) -> Response:
    """Return a bundle as a response, or 304 if the browser has it."""
    response = Response(build_bundle(name), content_type=BUNDLES[name].mime_type)
    response.cache_control.public, response.cache_control.max_age = True, current_app.get_send_file_max_age(name)
    response.set_etag(checksum(name))
    return response.make_conditional(request)


def init_app(app: Flask) -> None:
    """Build the bundles, and serve them as if they were static files."""
    for name in BUNDLES:
        build_bundle(name)
    app.jinja_env.globals.update(asset=asset_url)
    send_file = app.send_static_file
    app.send_static_file = lambda filename: send_bundle(filename) if filename in BUNDLES else send_file(filename)  # type: ignore[method-assign]

"""Conditional responses: a client that has the current version gets 304 without a body."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from flask import Response, request
from werkzeug.http import quote_etag

from portal.version import RELEASE


def conditional_response(build: Callable[[], Response], *parts: object) -> Response:
    """Return the response of `build` with an ETag of `parts`, or 304 without calling it if the client has that ETag.

    `parts` must contain everything that the response depends on, except the URL. Only a 200 carries the ETag, which
    includes the URL, so a 304 never replaces an error or a redirect (RFC 9110, section 13.2.1). `*` proves nothing
    about an earlier 200 and is ignored. No cache stores the response: only clients that keep it themselves get 304.
    """
    tag = sha256(repr((RELEASE, request.path, request.query_string, *parts)).encode()).hexdigest()[:24]
    known = request.if_none_match
    response = Response(status=304) if known.contains_weak(tag) and not known.star_tag else build()
    if response.status_code in (200, 304):
        response.headers["ETag"] = quote_etag(tag)
    return response


def revalidated_response(build: Callable[[], Response], *parts: object) -> Response:
    """Return a conditional response that the client's cache stores, and revalidates at each use."""
    response = conditional_response(build, *parts)
    if "ETag" in response.headers:
        response.headers["Cache-Control"] = "private, no-cache"
    return response

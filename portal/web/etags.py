"""Conditional answers: a poller that has the newest version gets 304 and no body, for one small query."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256

from flask import Response, request
from werkzeug.http import quote_etag

from portal.version import RELEASE


def conditional_response(build: Callable[[], Response], *parts: object) -> Response:
    """The answer that `build` makes, under an ETag of `parts`; 304 instead, unbuilt, where the client has that one.

    `parts` must hold everything that the answer depends on beside the address itself. Only a 200 carries the ETag, and
    the address is in it: whoever sends it back was answered 200 here, so that a 304 never stands for an error or a
    redirect (RFC 9110, section 13.2.1). `*` says nothing of that, and is not looked at.
    """
    tag = sha256(repr((RELEASE, request.path, request.query_string, *parts)).encode()).hexdigest()[:24]
    known = request.if_none_match
    response = Response(status=304) if known.contains_weak(tag) and not known.star_tag else build()
    if response.status_code in (200, 304):
        response.headers["ETag"] = quote_etag(tag)
        response.headers["Cache-Control"] = "private, no-cache"
    return response

"""Refreshes of live pages (static/scripts/refresh.js): only the parts that have changed are sent.

A live part is an element with an id and a version, a checksum of its content. The browser sends the versions of the
parts that it shows; a part with a known version is answered by an empty element with the same id. Texts such as "3 min
ago" do not count, because the browser changes them by itself.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from hashlib import blake2b

from flask import g, request
from markupsafe import Markup, escape

HEADER = "X-Refresh"
YOUNG_TIME = re.compile(r"( data-young>)[^<]*")


def is_refresh() -> bool:
    """Return whether a live page refreshes itself."""
    return HEADER in request.headers


def known_versions() -> frozenset[str]:
    """Return the versions of the parts that the browser shows; none unless it refreshes."""
    if "known_versions" not in g:
        g.known_versions = frozenset(request.headers.get(HEADER, "").split())
    return g.known_versions


def live_part(
    tag: str,
    id: str,
    attributes: Mapping[str, str] | None = None,
    content: Markup | str = "",
    caller: Callable[[], Markup] | None = None,
) -> Markup:
    """Return an element of a live page, or an empty one if the browser shows this version of it.

    Templates pass the content as an argument or as the body of a call block. CSRF tokens differ in each response, so
    the version ignores them.
    """
    body = escape(caller() if caller else content)
    names = "".join(f' {name}="{escape(value)}"' for name, value in (attributes or {}).items())
    source = YOUNG_TIME.sub(r"\1", f"{id}{names}{body}")
    if token := g.get("csrf_token"):
        source = source.replace(token, "")
    version = blake2b(source.encode(), digest_size=6).hexdigest()
    if version in known_versions():
        return Markup(f'<{tag} id="{id}" data-unchanged></{tag}>')  # noqa: S704 (both are constants and ids)
    return Markup(f'<{tag} id="{id}"{names} data-version="{version}">{body}</{tag}>')  # noqa: S704 (escaped above)

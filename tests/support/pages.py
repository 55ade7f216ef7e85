"""Forms and texts of pages, for clients that do not run a browser."""

from __future__ import annotations

import re
from typing import Any

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.support.sessions import csrf_token

HTMX = {"HX-Request": "true"}


def send_form(
    client: FlaskClient,
    address: str,
    page: str = "/settings/account",
    *,
    headers: dict[str, str] | None = None,
    follow: bool = False,
    **fields: Any,
) -> TestResponse:
    """Send a form with the CSRF token of a page; `follow` follows redirects."""
    form = fields | {"csrf_token": csrf_token(client.get(page).text)}
    return client.post(address, data=form, headers=headers, follow_redirects=follow)


def extract_text(html: str) -> str:
    """Return the text of a page with single spaces, also where there were tags."""
    return " ".join(re.sub(r"<[^>]*>", " ", re.sub(r"</?bdi>", "", html)).split())

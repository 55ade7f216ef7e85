"""Somebody at a browser: signs in on a server under trial, looks at pages and sends forms."""

from __future__ import annotations

from collections.abc import Mapping
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

from tests.conftest import csrf_token

PATIENCE_SECONDS = 60


class Person:
    """One browser, with its cookies, and the last page that it was shown."""

    def __init__(self, port: int) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.browser = build_opener(HTTPCookieProcessor(CookieJar()))
        self.page = ""

    def open(self, path: str, form: Mapping[str, str] | None = None) -> str:
        """Open a page, or send a form with the token of the page that is shown. Returns the status and the path where
        that has led to, such as "200 /batches"."""
        data = None if form is None else urlencode({**form, "csrf_token": csrf_token(self.page)}).encode()
        try:
            with self.browser.open(f"{self.address}{path}", data, timeout=PATIENCE_SECONDS) as page:
                self.page = page.read().decode()
                return f"{page.status} {page.url.removeprefix(self.address)}"
        except HTTPError as error:
            with error:
                return f"{error.code} {path}"

    def sign_in(self, email: str, password: str) -> str:
        """Sign in by the form; returns where that has led to."""
        self.open("/login?next=/batches")
        return self.open("/login?next=/batches", {"email": email, "password": password})

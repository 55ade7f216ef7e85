"""Requests to an engine's HTTP API, and whether a request that failed was surely not received."""

from __future__ import annotations

import ssl
from base64 import b64encode
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
import urllib3

from portal.dialing.engines.interface import EngineUnreachable

TIMEOUT_SECONDS = (3.0, 7.0)  # to connect, and to answer


class NotSent(Exception):
    """The request was surely not received. The message contains no phone number and no secret."""


class NotAnswered(Exception):
    """The request may have been received. The message contains no phone number and no secret."""


class HttpApi:
    """An HTTP API with basic authentication. `secret` is user:password.

    `options` are the parameters of the address, in which a trunk says how its engine places calls.
    """

    def __init__(self, address: str, secret: str, *, uses_proxies: bool) -> None:
        parts = urlsplit(address)
        self.base = parts._replace(query="", fragment="").geturl().rstrip("/")
        self.options = parse_qsl(parts.query)
        self.authorization = f"Basic {b64encode(secret.encode()).decode()}"
        self.session = requests.Session()
        self.session.trust_env = uses_proxies  # proxies of the environment, which must not see a local engine
        self.session.auth = self.authenticate

    def authenticate(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        """Add the credentials to a request. With a function, `requests` does not look for others in .netrc."""
        request.headers["Authorization"] = self.authorization
        return request

    def send(self, method: str, path: str, **arguments: Any) -> requests.Response:
        """Send a request once and return the response, of any status. Raises NotSent and NotAnswered.

        A redirect is not followed: it would repeat a call at an address that was not configured.
        """
        arguments.setdefault("timeout", TIMEOUT_SECONDS)
        try:
            return self.session.request(method, f"{self.base}{path}", allow_redirects=False, **arguments)
        except (requests.RequestException, OSError, ValueError) as error:
            failure = NotSent if is_surely_unsent(error) else NotAnswered
            raise failure(f"no answer from the engine ({type(error).__name__})") from error

    def ask(self, method: str, path: str, **arguments: Any) -> dict[str, Any] | None:
        """Return the JSON object of the response, empty if it has none, or None for 404. Raises EngineUnreachable."""
        try:
            response = self.send(method, path, **arguments)
        except (NotSent, NotAnswered) as error:
            raise EngineUnreachable(str(error)) from error
        if response.status_code == 404:
            return None
        if not response.ok:
            raise EngineUnreachable(f"the engine answered with {response.status_code}")
        return read_object(response)

    def close(self) -> None:
        """Close the connections."""
        self.session.close()


def read_object(response: requests.Response) -> dict[str, Any]:
    """Return the JSON object of a response; an empty one if its body is something else."""
    try:
        found = response.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def is_surely_unsent(error: Exception) -> bool:
    """Return whether a request failed before any of it was sent: no connection, or a certificate that is invalid."""
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.ProxyError):
        return True
    if isinstance(error, ValueError):  # of requests too: the URL is invalid
        return not isinstance(error, requests.exceptions.ContentDecodingError)
    if not isinstance(error, requests.ConnectionError) or not error.args:
        return False
    reason = getattr(error.args[0], "reason", None)
    if isinstance(reason, urllib3.exceptions.SSLError):
        return bool(reason.args) and isinstance(reason.args[0], ssl.SSLCertVerificationError)
    return isinstance(reason, urllib3.exceptions.NewConnectionError)

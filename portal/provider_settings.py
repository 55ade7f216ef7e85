"""The rules for the settings of the OpenID Connect provider, and for all its URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from portal.loopback import is_loopback
from portal.settings_error import SettingError

DOMAIN = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
REQUIRED = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")


def parse_issuer(name: str, text: str) -> str:
    """Return the issuer of an OpenID Connect provider unchanged: it is compared exactly. Raises SettingError."""
    if text and not is_secure_url(text):
        raise SettingError(f"{name} must be an https:// URL without user name (http:// only on this machine)")
    if "?" in text or "#" in text:  # OpenID Connect Discovery 1.0, section 3
        raise SettingError(f"{name} must not contain a query or fragment")
    return text


def parse_domains(name: str, text: str) -> tuple[str, ...]:
    """Return domain names from a comma-separated list, in lower case. Raises SettingError."""
    domains = tuple(domain.strip() for domain in text.split(",") if domain.strip())
    if not all(DOMAIN.fullmatch(domain) for domain in domains):
        raise SettingError(f"{name} must be domain names separated by commas, such as example.com")
    return tuple(map(str.lower, domains))


def check_provider(settings: Mapping[str, Any]) -> None:
    """Check that the OpenID Connect settings are complete, or that none is set. Raises SettingError."""
    missing = [name for name in REQUIRED if not settings[name]]
    if len(missing) == len(REQUIRED):
        return
    if missing:
        raise SettingError(f"{missing[0]} is required too: OpenID Connect needs {', '.join(REQUIRED)}")
    if not settings["KNOWN_HOSTS"]:
        raise SettingError("TRUSTED_HOSTS is required with OIDC_ISSUER: the provider sends users back to that host")
    if settings["OIDC_CREATE"] and not settings["OIDC_DOMAINS"]:
        raise SettingError("OIDC_DOMAINS is required with OIDC_CREATE: the email domains whose users get accounts")


def is_secure_url(url: str) -> bool:
    """Return whether a URL is https, or http to this machine, and every parser finds the same host in it."""
    if not (url.isascii() and url.isprintable()) or any(character in url for character in ' "<>\\^`{|}'):
        return False
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return False
    bracketed = f"[{host}]" if ":" in host else host
    if (
        not host or "%" in host or parts.netloc.lower() not in (bracketed, f"{bracketed}:{port}")
    ):  # a user name, or text after ]
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))

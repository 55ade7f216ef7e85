"""Settings from environment variables. A new one needs a row in SETTINGS, in the README and in .env.example."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from portal.instance_folder import create_folder, stored_secret
from portal.provider_settings import check_provider, parse_domains, parse_issuer
from portal.secret_keys import key_settings, parse_older_keys, parse_secret_key
from portal.settings_error import SettingError
from portal.text import parse_digits


def parse_text(name: str, text: str) -> str:
    """Return the text unchanged."""
    return text


def parse_whole(name: str, text: str, minimum: int = 0, maximum: int | None = None) -> int:
    """Return a whole number. Raises SettingError."""
    number = parse_digits(text)
    if number is None or number < minimum or (maximum is not None and number > maximum):
        bounds = f"between {minimum} and {maximum}" if maximum is not None else f"of {minimum} or more"
        raise SettingError(f"{name} must be a whole number {bounds}")
    return number


def parse_bool(name: str, text: str) -> bool:
    """Return whether the text means true. Raises SettingError."""
    if text.lower() in ("true", "yes", "on", "1"):
        return True
    if text.lower() in ("false", "no", "off", "0"):
        return False
    raise SettingError(f"{name} must be true or false")


def parse_auto_bool(name: str, text: str) -> bool | None:
    """Return whether the text means true, or None for auto. Raises SettingError."""
    if text.lower() == "auto":
        return None
    try:
        return parse_bool(name, text)
    except SettingError:
        raise SettingError(f"{name} must be true, false or auto") from None


def whole_between(minimum: int, maximum: int) -> Callable[[str, str], int]:
    """Return a parser for whole numbers within these bounds."""
    return lambda name, text: parse_whole(name, text, minimum, maximum)


def one_of(*choices: str) -> Callable[[str, str], str]:
    """Return a parser that accepts only these values."""

    def parse_choice(name: str, text: str) -> str:
        if text not in choices:
            raise SettingError(f"{name} must be one of {', '.join(choices)}")
        return text

    return parse_choice


def parse_hosts(name: str, text: str) -> tuple[str, ...]:
    """Return host names from a comma-separated list; a leading dot includes all subdomains. Raises SettingError."""
    hosts = tuple(host.strip() for host in text.split(",") if host.strip())
    if any(not host.isascii() or not host.isprintable() or " " in host or "/" in host for host in hosts):
        raise SettingError(f"{name} must be host names separated by commas, such as portal.example.com")
    return hosts


ORIGIN = re.compile(r"https?://(\[[0-9a-f:.]+\]|[a-z0-9-]+(\.[a-z0-9-]+)*)(:[0-9]{1,5})?")


def parse_origins(name: str, text: str) -> tuple[str, ...]:
    """Return web origins as browsers send them, from a comma-separated list; * = any. Raises SettingError."""
    origins = tuple(origin.strip().lower() for origin in text.split(",") if origin.strip())
    if not all(origin == "*" or ORIGIN.fullmatch(origin) for origin in origins):
        raise SettingError(
            f"{name} must be origins separated by commas, such as https://app.example.com, without a path"
        )
    return tuple(origin.removesuffix(":443" if origin.startswith("https:") else ":80") for origin in origins)


def parse_public_url(name: str, text: str) -> str:
    """Return an origin, or "" for none. Raises SettingError."""
    if text and not ORIGIN.fullmatch(text.lower().rstrip("/")):
        raise SettingError(f"{name} must be an origin, such as https://portal.example.com, without a path")
    return text.lower().rstrip("/")


@dataclass(frozen=True)
class Setting:
    """An environment variable: its name, default (None = optional or computed), description and parser.

    `key` is the name in Flask's configuration if it differs; None = the app does not use the setting.
    """

    name: str
    default: str | None
    description: str
    parse: Callable[[str, str], Any] = parse_text
    key: str | None = ""

    def read(self, environ: Mapping[str, str]) -> Any:
        """Return the parsed value; an empty variable counts as not set. Raises SettingError."""
        return self.parse(self.name, environ.get(self.name) or self.default or "")


SETTINGS = (
    Setting(
        "DATABASE_URL",
        None,
        "Database URL (sqlite: or postgresql:). Default: an SQLite file in INSTANCE_DIR.",
        key="SQLALCHEMY_DATABASE_URI",
    ),
    Setting(
        "SECRET_KEY",
        None,
        "Key that signs sessions and encrypts second factors and secrets of trunks, at least 32 bytes"
        " (openssl rand -hex 32). Default: generated, stored in INSTANCE_DIR.",
        parse_secret_key,
    ),
    Setting(
        "SECRET_KEY_FALLBACKS",
        None,
        "Earlier values of SECRET_KEY that still count, separated by commas, newest first.",
        parse_older_keys,
    ),
    Setting(
        "HOST", "127.0.0.1", "Address to listen on. Put a TLS proxy in front before you open it to a network.", key=None
    ),
    Setting("PORT", "8000", "Port to listen on.", whole_between(1, 65_535), key=None),
    Setting("WEB_WORKERS", "2", "Number of server processes, about one per core.", whole_between(1, 1000), key=None),
    Setting(
        "WEB_THREADS",
        "4",
        "Threads per process. Each can use one database connection. Half of them may read contact files.",
        whole_between(1, 1000),
    ),
    Setting(
        "DIALER",
        "embedded",
        "Who places calls: embedded (the server starts one dialer), or off (flask --app wsgi dial runs as a service).",
        one_of("embedded", "off"),
        key=None,
    ),
    Setting(
        "INSTANCE_DIR",
        None,
        "Directory of the SQLite file and the generated secret key. Default: instance/ next to the code.",
        key=None,
    ),
    Setting(
        "STATEMENT_TIMEOUT_MS",
        "10000",
        "Cancel database statements after this many milliseconds (0 = never).",
        parse_whole,
    ),
    Setting("BUSY_TIMEOUT_MS", "15000", "Milliseconds that SQLite waits for another writer.", parse_whole),
    # The key is not TRUSTED_HOSTS: Flask would check that itself, too early to build the links of an error page.
    Setting(
        "TRUSTED_HOSTS",
        None,
        "Host names that the portal accepts, separated by commas. Default: any.",
        parse_hosts,
        key="KNOWN_HOSTS",
    ),
    Setting(
        "CORS_ORIGINS",
        None,
        "Web origins whose pages may call the API from a browser, such as https://app.example.com, separated by commas"
        " (* = any). Default: none.",
        parse_origins,
    ),
    Setting("PROXIES", "0", "Number of trusted reverse proxies (X-Forwarded-*).", parse_whole),
    Setting(
        "PUBLIC_URL",
        None,
        "The portal's own origin as telephone providers reach it for callbacks, such as https://portal.example.com."
        " Default: none.",
        parse_public_url,
    ),
    Setting(
        "STRICT_TRANSPORT_SECONDS",
        "31536000",
        "HSTS max-age in seconds, for responses over HTTPS (0 = no HSTS header).",
        parse_whole,
    ),
    Setting(
        "SESSION_COOKIE_SECURE",
        "auto",
        "Send cookies over HTTPS only: true, false, or auto (true for requests that came over HTTPS).",
        parse_auto_bool,
    ),
    Setting("SESSION_DAYS", "14", "Sign users out after this many days.", parse_whole),
    Setting("SESSION_IDLE_MINUTES", "720", "Sign users out after this many idle minutes (0 = never).", parse_whole),
    Setting("SIGN_IN_TRIES", "10", "Maximum password attempts per account in 15 minutes (0 = unlimited).", parse_whole),
    Setting(
        "SIGN_IN_TRIES_PER_ADDRESS",
        "100",
        "Maximum password attempts per IP address in 15 minutes (0 = unlimited).",
        parse_whole,
    ),
    Setting(
        "REQUIRE_TWO_FACTOR",
        "off",
        "Users who must set up two-factor authentication when they sign in with a password: off, admins or all.",
        one_of("off", "admins", "all"),
    ),
    Setting(
        "OIDC_ISSUER", None, "OpenID Connect provider for single sign-on, such as https://id.example.com.", parse_issuer
    ),
    Setting("OIDC_CLIENT_ID", None, "Client ID at the OpenID Connect provider."),
    Setting("OIDC_CLIENT_SECRET", None, "Client secret at the OpenID Connect provider."),
    Setting("OIDC_NAME", "single sign-on", "Name of the provider on the sign-in button."),
    Setting("OIDC_CREATE", "false", "Create an account at a user's first single sign-on.", parse_bool),
    Setting(
        "OIDC_DOMAINS",
        None,
        "Email domains whose users may start to use single sign-on, separated by commas; required with OIDC_CREATE."
        " Default: any.",
        parse_domains,
    ),
    Setting("TOKEN_MAX_DAYS", "365", "Maximum days until a new API token expires (0 = unlimited).", parse_whole),
    Setting("TOKEN_TOUCH_SECONDS", "60", "Minimum seconds between updates of a token's last use.", parse_whole),
    Setting("BODY_BYTES", "10000000", "Maximum size of a JSON request body in bytes.", parse_whole),
    Setting("UPLOAD_BYTES", "32000000", "Maximum size of a contact file in bytes.", parse_whole),
    Setting(
        "UPLOAD_QUOTA_BYTES",
        "100000000",
        "Maximum size of an account's uploaded files without a batch, in bytes together; the oldest are deleted first.",
        parse_whole,
    ),
    Setting(
        "RATE_PER_TOKEN",
        "100",
        "Maximum requests per second per token, averaged over 10 seconds (0 = unlimited).",
        parse_whole,
    ),
    Setting(
        "RATE_PER_ADDRESS",
        "300",
        "Maximum requests per second per IP address for requests without a token (0 = unlimited).",
        parse_whole,
    ),
    Setting("METRICS_TOKEN", None, "Bearer token that /metrics requires. Default: /metrics is disabled."),
    Setting(
        "LOG_LEVEL",
        "INFO",
        "Log level: DEBUG, INFO, WARNING or ERROR.",
        one_of("DEBUG", "INFO", "WARNING", "ERROR"),
    ),
    Setting(
        "LOG_FORMAT",
        "auto",
        "Log format: json, text, or auto (text in a terminal, otherwise json).",
        one_of("json", "text", "auto"),
    ),
)


def load(environ: Mapping[str, str], instance_dir: Path) -> dict[str, Any]:
    """Return the Flask configuration for an environment. Raises SettingError."""
    settings = {setting.key or setting.name: setting.read(environ) for setting in SETTINGS if setting.key is not None}
    url, secret_key = settings["SQLALCHEMY_DATABASE_URI"], settings["SECRET_KEY"]
    if not (url and secret_key):
        create_folder(instance_dir)
    check_provider(settings)
    settings |= key_settings(secret_key or stored_secret(instance_dir), settings["SECRET_KEY_FALLBACKS"])
    return settings | {
        "SQLALCHEMY_DATABASE_URI": database_url(url, instance_dir),
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": settings["SESSION_DAYS"] * 86_400,
        "SESSION_REFRESH_EACH_REQUEST": False,  # a late response must not restore the session after signing out
        "WTF_CSRF_TIME_LIMIT": None,  # valid as long as the session: a page left open overnight must still work
        "MAX_CONTENT_LENGTH": 1_000_000,
        "MAX_FORM_MEMORY_SIZE": 500_000,
        "SEND_FILE_MAX_AGE_DEFAULT": 31_536_000,  # every asset URL contains a checksum (portal/web/assets.py)
    }


def database_url(url: str, instance_dir: Path) -> str:
    """Return a URL for SQLAlchemy: the default SQLite file, or psycopg 3 for PostgreSQL. Raises SettingError."""
    if not url:
        return f"sqlite:///{instance_dir / 'portal.db'}"
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            url = "postgresql+psycopg://" + url.removeprefix(prefix)
    if not url.startswith(("sqlite:", "postgresql+psycopg:")):
        raise SettingError("DATABASE_URL must start with sqlite:, postgres:// or postgresql://")
    try:
        make_url(url)
    except (ArgumentError, ValueError):  # not quoted: it may contain a password
        raise SettingError("DATABASE_URL is not a valid URL; percent-encode special characters") from None
    return url

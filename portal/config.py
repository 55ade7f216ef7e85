"""Everything that an environment variable can set, with its default and why it is there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError


@dataclass(frozen=True)
class Setting:
    """One environment variable: its name, the default as text (None = made by the portal), and one line of why."""

    name: str
    default: str | None
    why: str


SETTINGS = (
    Setting("DATABASE_URL", None, "Where the data lives. Default: an SQLite file in INSTANCE_DIR."),
    Setting("SECRET_KEY", None, "Signs sessions; several machines must share one. Default: kept in INSTANCE_DIR."),
    Setting("HOST", "127.0.0.1", "The address to listen on; put a proxy with TLS in front before widening it."),
    Setting("PORT", "8000", "The port to listen on."),
    Setting("WEB_WORKERS", "2", "Server processes; about one a core."),
    Setting("WEB_THREADS", "4", "Threads in each process; each may hold one database connection."),
    Setting("INSTANCE_DIR", None, "For the SQLite file and the made secret. Default: instance/ beside the code."),
    Setting("STATEMENT_TIMEOUT_MS", "10000", "The database gives up on a statement after this long; 0 = never."),
    Setting("BUSY_TIMEOUT_MS", "15000", "How long SQLite waits for another writer."),
    Setting("TRUSTED_HOSTS", None, "The names the portal is reached by, separated by commas. Default: any."),
    Setting("PROXIES", "0", "How many proxies stand in front; so many X-Forwarded-* values are believed."),
    Setting("STRICT_TRANSPORT_SECONDS", "0", "How long browsers insist on https once they have seen it; 0 = not told."),
    Setting("SESSION_COOKIE_SECURE", "false", "true where browsers come by https: cookies then never travel in clear."),
    Setting("SESSION_DAYS", "14", "A sign-in lasts this many days."),
    Setting("SESSION_IDLE_MINUTES", "720", "It ends sooner when nothing is done for so long; 0 = it does not."),
    Setting("SIGN_IN_TRIES", "10", "So many tries of an account's password in 15 minutes; 0 = any number."),
    Setting("SIGN_IN_TRIES_PER_ADDRESS", "100", "So many tries from one address in 15 minutes; 0 = any number."),
    Setting("OIDC_ISSUER", None, "Sign in by this OpenID Connect provider too, such as https://id.example.com."),
    Setting("OIDC_CLIENT_ID", None, "What the provider calls this portal."),
    Setting("OIDC_CLIENT_SECRET", None, "What the provider knows this portal by."),
    Setting("OIDC_NAME", "single sign-on", "What the button calls the provider."),
    Setting("OIDC_CREATE", "false", "true: whom the provider knows and the portal does not gets an account."),
    Setting("TOKEN_TOUCH_SECONDS", "60", "A token's last use is written down at most this often."),
    Setting("BODY_BYTES", "10000000", "The API takes JSON bodies up to this size."),
    Setting("UPLOAD_BYTES", "32000000", "A contact file may be as large as this."),
    Setting("RATE_PER_TOKEN", "100", "Requests a second of one token, averaged over ten seconds; 0 = no limit."),
    Setting("RATE_PER_ADDRESS", "300", "The same for all requests without a token from one address; 0 = no limit."),
    Setting("METRICS_TOKEN", None, "What /metrics asks for as Authorization: Bearer. Default: /metrics is not there."),
    Setting("LOG_LEVEL", "INFO", "DEBUG, INFO, WARNING or ERROR."),
    Setting("LOG_FORMAT", "auto", "json, text, or auto: text at a terminal and json elsewhere."),
)

LOG_LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
LOG_FORMATS = ("json", "text", "auto")


class SettingError(click.ClickException, ValueError):
    """A value in the environment that cannot be used; the message names the variable.

    One of click's, so that the command line says it in one plain line although there is no app yet.
    """


def load(environ: Mapping[str, str], instance_dir: Path) -> dict[str, Any]:
    """The Flask configuration that an environment asks for.

    Raises BadSetting, which names the variable, when a value is not usable.
    """
    values = {setting.name: environ.get(setting.name) or setting.default for setting in SETTINGS}
    if not (values["DATABASE_URL"] and values["SECRET_KEY"]):
        create_folder(instance_dir)
    secure = parse_bool(values, "SESSION_COOKIE_SECURE")
    return {
        "SQLALCHEMY_DATABASE_URI": parse_url(database_url(values["DATABASE_URL"], instance_dir)),
        "SECRET_KEY": values["SECRET_KEY"] or stored_secret(instance_dir),
        "STATEMENT_TIMEOUT_MS": parse_whole(values, "STATEMENT_TIMEOUT_MS"),
        "BUSY_TIMEOUT_MS": parse_whole(values, "BUSY_TIMEOUT_MS"),
        "SESSION_DAYS": parse_whole(values, "SESSION_DAYS"),
        "SESSION_IDLE_MINUTES": parse_whole(values, "SESSION_IDLE_MINUTES"),
        "SIGN_IN_TRIES": parse_whole(values, "SIGN_IN_TRIES"),
        "SIGN_IN_TRIES_PER_ADDRESS": parse_whole(values, "SIGN_IN_TRIES_PER_ADDRESS"),
        **parse_provider(values),
        # Under Flask's own name for it, Flask would refuse before there are addresses for the links of an error page.
        "KNOWN_HOSTS": parse_hosts(values["TRUSTED_HOSTS"] or ""),
        "PROXIES": parse_whole(values, "PROXIES"),
        "STRICT_TRANSPORT_SECONDS": parse_whole(values, "STRICT_TRANSPORT_SECONDS"),
        "SESSION_COOKIE_SECURE": secure,
        # Browsers take the prefix only with Secure, the path / and no domain: no other host can put one in its place.
        "SESSION_COOKIE_NAME": "__Host-session" if secure else "session",
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "PERMANENT_SESSION_LIFETIME": parse_whole(values, "SESSION_DAYS") * 86_400,
        "SESSION_REFRESH_EACH_REQUEST": False,  # an answer that comes late must not sign in again who has signed out
        "TOKEN_TOUCH_SECONDS": parse_whole(values, "TOKEN_TOUCH_SECONDS"),
        "BODY_BYTES": parse_whole(values, "BODY_BYTES"),
        "UPLOAD_BYTES": parse_whole(values, "UPLOAD_BYTES"),
        "RATE_PER_TOKEN": parse_whole(values, "RATE_PER_TOKEN"),
        "RATE_PER_ADDRESS": parse_whole(values, "RATE_PER_ADDRESS"),
        "METRICS_TOKEN": values["METRICS_TOKEN"] or "",
        "LOG_LEVEL": parse_choice(values, "LOG_LEVEL", LOG_LEVELS),
        "LOG_FORMAT": parse_choice(values, "LOG_FORMAT", LOG_FORMATS),
        "WTF_CSRF_TIME_LIMIT": None,  # valid as long as its session: a page left open overnight must still work
        "MAX_CONTENT_LENGTH": 1_000_000,
        "MAX_FORM_MEMORY_SIZE": 500_000,
        "SEND_FILE_MAX_AGE_DEFAULT": 31_536_000,  # every asset's address carries its checksum (pages.asset)
    }


def database_url(url: str | None, instance_dir: Path) -> str:
    """A URL that SQLAlchemy understands: the embedded default, or psycopg 3 for `postgres://` and `postgresql://`."""
    if not url:
        return f"sqlite:///{instance_dir / 'portal.db'}"
    for prefix in ("postgres://", "postgresql://"):
        if url.startswith(prefix):
            return "postgresql+psycopg://" + url.removeprefix(prefix)
    if not url.startswith(("sqlite:", "postgresql+psycopg:")):
        raise SettingError("DATABASE_URL must start with sqlite:, postgres:// or postgresql://")
    return url


def parse_url(url: str) -> str:
    """The URL, when it can be read as one. What is wrong with it is not said in full: it may hold a password."""
    try:
        make_url(url)
    except (ArgumentError, ValueError):
        raise SettingError("DATABASE_URL cannot be read as a URL; escape what is special in its parts") from None
    return url


def create_folder(instance_dir: Path) -> None:
    """The instance folder, for what the portal keeps by itself. Raises BadSetting when it cannot be written to."""
    try:
        instance_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingError(f"INSTANCE_DIR cannot be made: {error.strerror}: {instance_dir}") from error
    if not os.access(instance_dir, os.W_OK | os.X_OK):
        raise SettingError(f"INSTANCE_DIR cannot be written to: {instance_dir}")


def stored_secret(instance_dir: Path) -> str:
    """The secret kept in the instance folder, made at the first call; the same for every process on this machine."""
    path = instance_dir / "secret_key"
    draft = path.with_name(f"secret_key.{os.getpid()}.{secrets.token_hex(4)}")
    if not path.exists():
        draft.touch(mode=0o600)
        draft.write_text(secrets.token_hex(32))
        try:
            os.link(draft, path)  # atomic, and fails where another process was first
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return path.read_text().strip()


def parse_choice(values: Mapping[str, str | None], name: str, words: tuple[str, ...]) -> str:
    """One of these words."""
    word = values[name]
    if word not in words:
        raise SettingError(f"{name} must be one of {', '.join(words)}")
    return word


def parse_hosts(text: str) -> tuple[str, ...]:
    """Names of hosts from a list with commas; one that begins with a dot stands for every name below it."""
    found = tuple(host.strip() for host in text.split(",") if host.strip())
    if any(not host.isascii() or not host.isprintable() or " " in host or "/" in host for host in found):
        raise SettingError("TRUSTED_HOSTS must be names of hosts, separated by commas: portal.example.com")
    return found


def parse_provider(values: Mapping[str, str | None]) -> dict[str, Any]:
    """The OpenID Connect provider: none of its settings, or all three."""
    names = ("OIDC_ISSUER", "OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET")
    missing = [name for name in names if not values[name]]
    if missing and len(missing) < len(names):
        raise SettingError(f"{missing[0]} is needed too: OpenID Connect wants {', '.join(names)}")
    issuer = (values["OIDC_ISSUER"] or "").rstrip("/")
    if issuer and not issuer.startswith(("https://", "http://127.0.0.1")):
        raise SettingError("OIDC_ISSUER must start with https://")
    given = {"OIDC_ISSUER": issuer} | {name: values[name] or "" for name in (*names[1:], "OIDC_NAME")}
    return given | {"OIDC_CREATE": parse_bool(values, "OIDC_CREATE")}


def parse_whole(values: Mapping[str, str | None], name: str) -> int:
    """A whole number of zero or more."""
    text = values[name] or ""
    if not (text.isascii() and text.isdigit()):
        raise SettingError(f"{name} must be a whole number of 0 or more")
    return int(text)


def parse_bool(values: Mapping[str, str | None], name: str) -> bool:
    """true or false, spelled in one of the usual ways."""
    text = (values[name] or "").lower()
    if text in ("true", "yes", "on", "1"):
        return True
    if text in ("false", "no", "off", "0"):
        return False
    raise SettingError(f"{name} must be true or false")
